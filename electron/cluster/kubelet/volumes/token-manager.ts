import type { TokenRequest } from 'kubernetes-types/authentication/v1'
import { serviceAccounts } from '#shared/kube/resources.ts'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { KubeClient } from '../../client/api.ts'
import { uidOf, type Pod } from '../types.ts'

interface TokenSource {
  readonly audience?: string
  readonly expirationSeconds?: number
}

interface Held {
  token: string
  issuedAt: number
  expiresAt: number
  podUid: string
}

const day = 24 * 3600 * 1000
/** Rotation is spread by so much, so that pods made together do not ask together. */
const rotationJitter = 10_000

/**
 * Service account tokens, bound to their pods and kept until 80 % of their life has passed, or a day.
 * Source: pkg/kubelet/token/token_manager.go.
 */
export class TokenManager {
  readonly #deps: { client: KubeClient; clock: Clock; random: Random }
  readonly #held = new Map<string, Held>()

  constructor(deps: { client: KubeClient; clock: Clock; random: Random }) {
    this.#deps = deps
  }

  async token(pod: Pod, { audience, expirationSeconds = 3600 }: TokenSource): Promise<string> {
    const key = [uidOf(pod), audience ?? '', expirationSeconds].join('|')
    const held = this.#held.get(key)
    const now = this.#deps.clock.now()
    if (held && !this.#isDue(held, now)) return held.token
    try {
      const fresh = await this.#request(pod, audience, expirationSeconds)
      this.#held.set(key, fresh)
      return fresh.token
    } catch (error) {
      // A token that still holds is better than none.
      if (held && held.expiresAt > now) return held.token
      throw new Error(`failed to fetch token: ${(error as Error).message}`, { cause: error })
    }
  }

  forget(podUid: string): void {
    for (const [key, held] of this.#held) if (held.podUid === podUid) this.#held.delete(key)
  }

  #isDue({ issuedAt, expiresAt }: Held, now: number): boolean {
    const jitter = this.#deps.random.next() * rotationJitter
    return now > issuedAt + (expiresAt - issuedAt) * 0.8 - jitter || now > issuedAt + day - jitter
  }

  async #request(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<Held> {
    const { namespace = '', name = '' } = pod.metadata ?? {}
    const request: TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid: uidOf(pod) },
      },
    }
    const account = { namespace, name: pod.spec?.serviceAccountName || 'default' }
    const issuedAt = this.#deps.clock.now()
    const { status } = await this.#deps.client.post<TokenRequest>(serviceAccounts, account, 'token', request)
    if (!status?.token) throw new Error('the server answered without a token')
    return { token: status.token, issuedAt, expiresAt: Date.parse(status.expirationTimestamp), podUid: uidOf(pod) }
  }
}
