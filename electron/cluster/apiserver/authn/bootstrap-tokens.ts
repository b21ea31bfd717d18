import { timingSafeEqual } from 'node:crypto'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Clock } from '../../base/clock.ts'
import { TokenError, type Verified } from './tokens.ts'

export interface BootstrapTokenDeps {
  clock: Pick<Clock, 'now'>
  /** The newest state of a secret in kube-system. */
  secret(name: string): KubeObject | undefined
  /** What this server is called as an audience. */
  audience: string
}

interface Secret extends KubeObject {
  type?: string
  data?: Record<string, string>
}

const shape = /^([a-z0-9]{6})\.([a-z0-9]{16})$/
const groupShape = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/

/** Tokens that machines join with: secrets of kube-system. Source: plugin/pkg/auth/authenticator/token/bootstrap. */
export function bootstrapTokens({ clock, secret, audience }: BootstrapTokenDeps): {
  verify(token: string, audiences?: readonly string[]): Verified
} {
  return {
    verify(token, audiences = [audience]) {
      const [, id, key] = shape.exec(token) ?? []
      if (!id || !key) return undefined
      const found = secret(`bootstrap-token-${id}`) as Secret | undefined
      if (found?.type !== 'bootstrap.kubernetes.io/token' || found.metadata?.deletionTimestamp) return undefined
      const read = (field: string) => Buffer.from(found.data?.[field] ?? '', 'base64').toString()
      if (read('token-id') !== id || !same(read('token-secret'), key)) return undefined
      const expires = read('expiration')
      // What cannot be read as a time has expired.
      if (expires && !(Date.parse(expires) > clock.now())) return undefined
      if (read('usage-bootstrap-authentication') !== 'true') return undefined
      const extra = read('auth-extra-groups').split(',').filter(Boolean)
      if (!extra.every((group) => groupShape.test(group))) return undefined
      if (!audiences.includes(audience)) {
        throw new TokenError(
          `unable to match the audience: token audiences ${JSON.stringify([audience])}, wanted ${JSON.stringify(audiences)}`,
        )
      }
      const groups = [...new Set(['system:bootstrappers', ...extra])].sort()
      return { user: { name: `system:bootstrap:${id}`, groups }, audiences: [audience] }
    },
  }
}

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
