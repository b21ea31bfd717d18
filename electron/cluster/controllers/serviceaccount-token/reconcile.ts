import type { Secret, ServiceAccount } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { secrets } from '#shared/kube/resources.ts'
import { accountName, accountUid } from '#shared/kube/service-account-tokens.ts'
import { nothing, remove, update, type Decision } from '../framework/action.ts'

export const tokenType = 'kubernetes.io/service-account-token'

export interface Observed {
  readonly secret: Frozen<Secret>
  /** The service account that the secret names. */
  readonly account: Frozen<ServiceAccount> | undefined
  /** PEM. */
  readonly rootCa: string
  /** Signs a token of the account that is good while the secret holds it. */
  readonly sign: SignToken
}

export type SignToken = (account: { namespace: string; name: string; uid: string }, secret: string) => string

const encoded = (text: string): string => Buffer.from(text).toString('base64')

/** Fills a token's secret, or removes it with its account. Source: pkg/controller/serviceaccount/tokens_controller.go. */
export function reconcile({ secret, account, rootCa, sign }: Observed): Decision {
  const { name = '', namespace = '', annotations, uid, resourceVersion } = secret.metadata ?? {}
  if (secret.metadata?.deletionTimestamp) return nothing
  const own = account?.metadata
  const isOther = annotations?.[accountUid] !== undefined && annotations[accountUid] !== own?.uid
  if (!own || isOther) {
    const options = { preconditions: { uid, resourceVersion } }
    return { steps: [remove(secrets, secret, { options, tolerate: ({ code }) => code === 404 || code === 409 })] }
  }
  const needed = { 'ca.crt': encoded(rootCa), namespace: encoded(namespace) }
  const has = secret.data ?? {}
  const isComplete =
    has['ca.crt'] === needed['ca.crt'] && has.namespace && has.token && annotations?.[accountUid] === own.uid
  if (isComplete) return nothing
  const token = has.token || encoded(sign({ namespace, name: own.name ?? '', uid: own.uid ?? '' }, name))
  const metadata = {
    ...secret.metadata,
    annotations: { ...annotations, [accountName]: own.name ?? '', [accountUid]: own.uid ?? '' },
  }
  const data = { ...has, ...needed, namespace: has.namespace || needed.namespace, token }
  return { steps: [update(secrets, { ...secret, metadata, data })] }
}
