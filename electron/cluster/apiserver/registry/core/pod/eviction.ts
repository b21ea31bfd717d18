import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { badRequest, forbidden, isConflict, notFound, StatusError } from '#shared/kube/status.ts'
import { timestamp } from '../../../../base/clock.ts'
import type { ActionServices, StrategyContext } from '../../kind.ts'
import { setCondition, success } from './binding.ts'
import type { Pod } from './types.ts'

type Eviction = KubeObject & {
  deleteOptions?: { gracePeriodSeconds?: number; dryRun?: string[]; preconditions?: { uid?: string } }
}

const pods = { group: '', plural: 'pods' }
const budgets = { group: 'policy', plural: 'poddisruptionbudgets' }

/** A deletion that asks the disruption budgets first. Source: registry/core/pod/storage/eviction.go. */
export async function evictPod(
  eviction: Eviction,
  name: string,
  services: ActionServices,
  context: StrategyContext,
): Promise<KubeObject> {
  if ((eviction.metadata?.name ?? '') !== name) throw badRequest('name in URL does not match name in Eviction object')
  const { namespace } = context
  const pod = services.get<Pod>(pods, namespace, name)
  if (!pod) throw notFound(pods, name)
  const dryRun = context.dryRun || (eviction.deleteOptions?.dryRun ?? []).includes('All')
  const budget = isUncounted(pod) ? undefined : budgetOf(pod, services, namespace)
  if (budget) await spend(budget, name, pod, services, context, dryRun)
  if (!dryRun) await markEvicted(name, services, context)
  const { gracePeriodSeconds, preconditions } = eviction.deleteOptions ?? {}
  await services.delete(pods, namespace, name, {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(preconditions?.uid === undefined ? {} : { uid: preconditions.uid }),
    dryRun,
    user: context.user,
  })
  return success as unknown as KubeObject
}

/** Pods that do not run are no part of what a budget protects. */
const isUncounted = ({ metadata, status }: Pod): boolean =>
  metadata?.deletionTimestamp !== undefined || ['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '')

function budgetOf(pod: Pod, services: ActionServices, namespace: string | undefined): PodDisruptionBudget | undefined {
  const matching = services
    .list<PodDisruptionBudget>(budgets, namespace)
    .filter(({ spec }) => spec?.selector && matches(selectorOf(spec.selector), pod.metadata?.labels))
  if (matching.length > 1) {
    const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
    throw new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 })
  }
  const [budget] = matching
  const isReady = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
  if (!budget || isReady) return budget
  const policy = budget.spec?.unhealthyPodEvictionPolicy ?? 'IfHealthyBudget'
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {}
  const free = policy === 'AlwaysAllow' || (currentHealthy >= desiredHealthy && desiredHealthy > 0)
  return free ? undefined : budget
}

const mostDisrupted = 2000

async function spend(
  budget: PodDisruptionBudget,
  podName: string,
  pod: Pod,
  services: ActionServices,
  context: StrategyContext,
  dryRun: boolean,
): Promise<void> {
  const name = budget.metadata?.name ?? ''
  const change = (current: PodDisruptionBudget) => {
    const { status } = current
    const allowed = status?.disruptionsAllowed ?? 0
    if ((status?.observedGeneration ?? 0) < (current.metadata?.generation ?? 0)) {
      throw tooMany(
        "Cannot evict pod as it would violate the pod's disruption budget.",
        `The disruption budget ${name} is still being processed by the server.`,
        10,
      )
    }
    const refuse = (text: string) => forbidden({ group: 'policy', plural: 'poddisruptionbudget' }, name, text)
    if (allowed < 0) throw refuse('pdb disruptions allowed is negative')
    if (Object.keys(status?.disruptedPods ?? {}).length > mostDisrupted)
      throw refuse('DisruptedPods map too big - too many evictions not confirmed by PDB controller')
    if (allowed === 0) {
      const counts = `The disruption budget ${name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`
      throw tooMany("Cannot evict pod as it would violate the pod's disruption budget.", counts)
    }
    const writable = status as { disruptionsAllowed: number; disruptedPods?: Record<string, string> }
    writable.disruptionsAllowed = allowed - 1
    if (writable.disruptionsAllowed === 0) forbidDisruptions(current, timestamp(context.clock.now()))
    ;(writable.disruptedPods ??= {})[podName] = timestamp(context.clock.now())
  }
  if (dryRun) change(structuredClone(budget))
  else await services.update<PodDisruptionBudget>(budgets, pod.metadata?.namespace, name, change)
}

/** What the disruption controller will say as well. Source: component-helpers/apps/poddisruptionbudget. */
function forbidDisruptions({ status }: PodDisruptionBudget, lastTransitionTime: string): void {
  const conditions = (status!.conditions ??= [])
  const known = conditions.findIndex(({ type }) => type === 'DisruptionAllowed')
  const old = conditions[known]
  const condition = {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'InsufficientPods',
    message: '',
    ...(status?.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration }),
    lastTransitionTime: old?.status === 'False' ? old.lastTransitionTime : lastTransitionTime,
  }
  if (known < 0) conditions.push(condition)
  else conditions[known] = condition
}

function tooMany(message: string, cause: string, retryAfterSeconds?: number): StatusError {
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: 'TooManyRequests',
    details: {
      causes: [{ reason: 'DisruptionBudget', message: cause }],
      ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
    },
    code: 429,
  })
}

async function markEvicted(name: string, services: ActionServices, context: StrategyContext): Promise<void> {
  try {
    await services.update<Pod>(pods, context.namespace, name, (pod) =>
      setCondition(
        pod,
        {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'EvictionByEvictionAPI',
          message: 'Eviction API: evicting',
        },
        context,
      ),
    )
  } catch (error) {
    // The condition tells why; losing a race for it must not keep the pod.
    if (!isConflict(error)) throw error
  }
}
