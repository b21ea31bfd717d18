import type { Secret, ServiceAccount } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { secrets } from '#shared/kube/resources.ts'
import { accountUid, invalidSinceLabel, lastUsedLabel } from '#shared/kube/service-account-tokens.ts'
import { isConflict, isNotFound } from '#shared/kube/status.ts'
import { objectKey, patch, remove, type Decision, type Step } from '../framework/action.ts'

export interface Observed {
  readonly secret: Frozen<Secret>
  readonly account: Frozen<ServiceAccount> | undefined
  /** The day (YYYY-MM-DD) since which the use of tokens is written down. */
  readonly trackedSince: string | undefined
  readonly isMounted: () => boolean
}

const day = 24 * 3600_000
/** After so many milliseconds without use a token is called invalid, and after as many more it is deleted. */
const patience = 365 * day

/** Source: evaluateSATokens, legacy_serviceaccount_token_cleaner.go. Days are compared as texts, in UTC, as upstream does. */
export function reconcile(observed: Observed, now: number): Decision {
  return { steps: steps(observed, now), requeueAfter: day }
}

function steps({ secret, account, trackedSince, isMounted }: Observed, now: number): Step[] {
  const { metadata = {} } = secret
  const kept = now - patience
  const keptDay = dayOf(kept)
  // Nobody knows who used it in the first day.
  if (!isDay(trackedSince) || now < Date.parse(trackedSince) + day + patience) return []
  if (metadata.deletionTimestamp || Date.parse(metadata.creationTimestamp ?? '') >= kept) return []
  const used = metadata.labels?.[lastUsedLabel]
  if (used !== undefined && (!isDay(used) || used >= keptDay)) return []
  const uid = metadata.annotations?.[accountUid]
  const isOwn = account && (!uid || uid === account.metadata?.uid)
  // Tokens that were asked for are for ever.
  if (!isOwn || !account.secrets?.some(({ name }) => name === metadata.name) || isMounted()) return []

  const invalid = metadata.labels?.[invalidSinceLabel]
  if (!isDay(invalid)) {
    const body = { metadata: { uid: metadata.uid, labels: { [invalidSinceLabel]: dayOf(now) } } }
    return [patch(secrets, objectKey(secret), 'merge', body, { tolerate: isNotFound })]
  }
  if (invalid >= keptDay) return []
  const { resourceVersion } = metadata
  const options = { preconditions: resourceVersion ? { resourceVersion } : {} }
  return [remove(secrets, secret, { options, tolerate: (error) => isConflict(error) || isNotFound(error) })]
}

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 'YYYY-MM-DD'.length)

const isDay = (text: string | undefined): text is string =>
  text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))
