import { badRequest } from '#shared/kube/status.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import type { UserInfo, VirtualResource } from '../kind.ts'
import { shownUser } from './user-info.ts'

type Verified = { user: UserInfo; audiences: readonly string[] } | undefined

/** Says whose a token is. Undefined: nobody's; throws with the reason when it was somebody's. */
export interface TokenVerifier {
  readonly issuer: string
  verify(token: string, audiences?: readonly string[]): Verified | Promise<Verified>
}

interface TokenReview extends KubeObject {
  spec?: { token?: string; audiences?: string[] }
}

export const tokenReview = (tokens: TokenVerifier): VirtualResource => ({
  async create(input) {
    const { token = '', audiences } = (input as TokenReview).spec ?? {}
    if (!token) throw badRequest('token is required for TokenReview in authentication')
    const status = await statusOf(tokens, token, audiences?.length ? audiences : [tokens.issuer])
    return { ...input, status } as KubeObject
  },
})

async function statusOf(tokens: TokenVerifier, token: string, audiences: readonly string[]): Promise<object> {
  const invalid = 'invalid bearer token'
  try {
    const verified = await tokens.verify(token, audiences)
    if (!verified) return { user: {}, error: invalid }
    const { user } = verified
    const groups = [...user.groups, 'system:authenticated']
    return { authenticated: true, user: shownUser({ ...user, groups }), audiences: verified.audiences }
  } catch (error) {
    return { user: {}, error: `[${invalid}, ${error instanceof Error ? error.message : String(error)}]` }
  }
}
