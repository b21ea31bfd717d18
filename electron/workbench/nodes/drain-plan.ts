import type { Pod } from 'kubernetes-types/core/v1'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import type { DrainBudget, DrainPlan, DrainPod } from '#shared/ipc/nodes.ts'
import type { KubeList } from '#shared/kube/object.ts'
import { podDisruptionBudgets, pods as podType, resourcePath } from '#shared/kube/resources.ts'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import { isNotFound, StatusError } from '#shared/kube/status.ts'
import type { ApiConnection } from '../connections/api-connection.ts'

/** Source: kubectl/pkg/drain/filters.go, mirrorPodFilter: what a kubelet runs from a file. */
const staticPod = 'kubernetes.io/config.mirror'

/** The pods of a node and what a drain would do with each. */
export async function drainPlan(connection: ApiConnection, node: string, signal?: AbortSignal): Promise<DrainPlan> {
  const call = signal ? { signal } : {}
  const query = new URLSearchParams({ fieldSelector: `spec.nodeName=${node}` })
  const { value: found } = await connection.json<KubeList<Pod>>(`${resourcePath(podType)}?${query}`, call)
  const running = found.items.filter(({ metadata }) => !metadata?.deletionTimestamp)
  const covering = await budgetsOf(connection, running, call)
  const planned = running.map((pod) =>
    planOf(
      pod,
      covering.filter((budget) => covers(budget, pod)),
    ),
  )
  return { pods: planned.toSorted(byName), budgets: covering.flatMap((budget) => sumUp(budget, planned)) }
}

function planOf(pod: Pod, budgets: readonly PodDisruptionBudget[]): DrainPod {
  const { name = '', namespace = '', uid = '', annotations, ownerReferences } = pod.metadata ?? {}
  const owner = ownerReferences?.find(({ controller }) => controller)
  // A pod that has ended loses nothing and blocks nobody.
  const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
  const stays =
    annotations?.[staticPod] !== undefined ? 'static' : owner?.kind === 'DaemonSet' && !ended ? 'daemonSet' : undefined
  const needs: DrainPod['needs'] = []
  if (!stays && !ended) {
    if (pod.spec?.volumes?.some(({ emptyDir }) => emptyDir)) needs.push('emptyDir')
    if (!owner) needs.push('unmanaged')
  }
  return {
    namespace,
    name,
    uid,
    ...(owner ? { owner: `${owner.kind}/${owner.name}` } : {}),
    ...(stays ? { stays } : {}),
    needs,
    budgets: budgets.map(({ metadata }) => metadata?.name ?? ''),
  }
}

/** The budgets of the pods' namespaces. Whoever may not see them drains without knowing: the server still keeps them. */
async function budgetsOf(
  connection: ApiConnection,
  pods: readonly Pod[],
  call: { signal?: AbortSignal },
): Promise<PodDisruptionBudget[]> {
  const namespaces = [...new Set(pods.map(({ metadata }) => metadata?.namespace ?? ''))]
  const lists = await Promise.all(
    namespaces.map(async (namespace) => {
      try {
        const path = resourcePath(podDisruptionBudgets, { namespace })
        return (await connection.json<KubeList<PodDisruptionBudget>>(path, call)).value.items
      } catch (error) {
        if (isNotFound(error) || isForbidden(error)) return []
        throw error
      }
    }),
  )
  return lists.flat()
}

const covers = ({ metadata, spec }: PodDisruptionBudget, pod: Pod): boolean =>
  metadata?.namespace === pod.metadata?.namespace && matches(selectorOf(spec?.selector), pod.metadata?.labels)

function sumUp({ metadata, status }: PodDisruptionBudget, pods: readonly DrainPod[]): DrainBudget[] {
  const { namespace = '', name = '' } = metadata ?? {}
  const leaving = pods.filter((pod) => pod.namespace === namespace && pod.budgets.includes(name) && !pod.stays).length
  if (!leaving) return []
  const { disruptionsAllowed: allowed = 0, currentHealthy: healthy = 0, desiredHealthy: desired = 0 } = status ?? {}
  return [{ namespace, name, leaving, allowed, healthy, desired }]
}

const byName = (a: DrainPod, b: DrainPod): number =>
  a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name)

const isForbidden = (error: unknown): boolean => error instanceof StatusError && error.code === 403
