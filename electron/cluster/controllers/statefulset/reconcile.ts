import { pods, statefulSets } from '#shared/kube/resources.ts'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import { updateStatus, type Decision, type Step } from '../framework/action.ts'
import { claim } from '../framework/claim.ts'
import { forget, historyOf, recordedTemplate, type RevisionView } from '../framework/history.ts'
import { equal } from '../framework/support/equality.ts'
import { nextAvailability, type PodView } from '../framework/support/pods.ts'
import { ordinalOf, revisionOf, type SetView } from './identity.ts'
import { manage } from './manage.ts'
import type { FindClaim } from './pod-steps.ts'
import { statusOf } from './status.ts'

export interface Observed {
  readonly set: SetView
  /** Pods that the set controls and those of its namespace that nobody does. */
  readonly candidates: readonly PodView[]
  /** Revisions that the set controls and those of its namespace that nobody does. */
  readonly revisions: readonly RevisionView[]
  readonly findClaim: FindClaim
}

/** The label of a revision that holds the hash in its name. */
const hashLabel = 'controller.kubernetes.io/hash'

/** Milliseconds of rest per pod after a look that only counted. */
const restPerPod = 0.05

export function reconcile({ set, candidates, revisions, findClaim }: Observed, now: number): Decision {
  const selector = selectorOf(set.spec?.selector)
  const owner = { type: statefulSets, object: set, selector }
  const history = historyOf(
    { ...owner, hashLabel },
    revisions.filter(({ metadata }) => matches(selector, metadata?.labels)),
  )
  const claimed = claim({ ...owner, accepts: (pod) => ordinalOf(set, pod) !== undefined }, pods, candidates)
  const claims = [...history.claims, ...claimed.steps]
  const going = set.metadata?.deletionTimestamp !== undefined
  if (history.change && !going) return { steps: [...claims, history.change] }

  const all = [...history.others, ...history.duplicates, history.current]
  const named = (name: string | undefined) => all.find((revision) => nameOf(revision) === name) ?? history.current
  const current = named(set.status?.currentRevision)
  // A set that goes gets no new revision.
  const update = going && history.change ? named(set.status?.updateRevision) : history.current
  const names = { current: nameOf(current), update: nameOf(update) }
  const plan = going
    ? { steps: [], leaving: [] }
    : manage(
        {
          set,
          pods: claimed.owned,
          current: { name: names.current, template: recordedTemplate(current) },
          update: { name: names.update, template: recordedTemplate(update) },
          findClaim,
        },
        now,
      )
  return {
    steps: [...claims, ...plan.steps],
    conclude(failure) {
      const status = statusOf(set, claimed.owned, names, failure ? [] : plan.leaving, now)
      // Conditions, which only others set, go when the counts are next written, not before.
      const { conditions: _, ...counted } = set.status ?? {}
      return [
        ...(equal(status, counted) ? [] : [updateStatus(statefulSets, { ...set, status })]),
        ...(going ? [] : truncation(set, all, claimed.owned, names)),
      ]
    },
    ...nextAvailability(claimed.owned, set.spec?.minReadySeconds ?? 0, now),
    ...(plan.steps.length ? {} : { rest: Math.trunc(claimed.owned.length * restPerPod) }),
  }
}

const nameOf = (revision: RevisionView): string => revision.metadata?.name ?? ''

/** Of the revisions that no pod is of, as many stay as the set says. */
function truncation(
  set: SetView,
  revisions: readonly RevisionView[],
  owned: readonly PodView[],
  names: { readonly current: string; readonly update: string },
): readonly Step[] {
  const live = new Set([names.current, names.update, ...owned.map(revisionOf)])
  const limit = set.spec?.revisionHistoryLimit ?? 10
  return forget(
    revisions,
    (revision) => live.has(nameOf(revision)),
    (dead) => dead - limit,
  )
}
