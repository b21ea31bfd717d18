import type { Pod } from 'kubernetes-types/core/v1'
import type { Deployment } from 'kubernetes-types/apps/v1'
import { computed, type ComputedRef } from 'vue'
import { objectRefOf, type ObjectTarget } from '../../app/target.ts'
import { refOf } from '../../data/kinds.ts'
import { selectorText } from '../../data/selectorText.ts'
import { useObject } from '../../data/useObject.ts'
import { useQuery } from '../../data/useQuery.ts'
import { pods } from '#shared/kube/resources.ts'
import type { LogSource } from './useLogStreams.ts'

/** More streams than this would drown both the reader and the server. */
export const mostPods = 24

export interface LogSources {
  containers: ComputedRef<readonly string[]>
  sources: ComputedRef<readonly LogSource[]>
  podCount: ComputedRef<number>
  loading: ComputedRef<boolean>
}

/** The containers to read: those of one pod, or of the pods that a workload has at the moment. */
export function useLogSources(target: ObjectTarget, container: () => string): LogSources {
  const isPod = target.resource.plural === 'pods'
  const live = useObject<Pod & Deployment>(() => objectRefOf(target))
  const spec = computed(
    () => (isPod ? live.object.value?.spec : live.object.value?.spec?.template?.spec) as Pod['spec'],
  )
  const containers = computed(() =>
    [...(spec.value?.initContainers ?? []), ...(spec.value?.containers ?? [])].map(({ name }) => name),
  )
  const query = useQuery(() => {
    const labelSelector = isPod ? undefined : selectorText(live.object.value?.spec?.selector)
    return labelSelector
      ? {
          context: target.context,
          resource: refOf(pods),
          namespaces: target.namespace ? [target.namespace] : [],
          labelSelector,
          sort: { column: 'age', descending: false },
        }
      : undefined
  }, mostPods)
  const names = computed(() =>
    isPod ? (live.object.value ? [target.name] : []) : query.rows.value.map((row) => row.name),
  )
  const main = computed(() => (spec.value?.containers ?? []).map(({ name }) => name))
  return {
    containers,
    podCount: computed(() => (isPod ? 1 : query.state.value.matching)),
    loading: computed(() => live.loading.value),
    sources: computed(() =>
      names.value.flatMap((pod) =>
        (container() ? [container()] : main.value).map((name) => ({
          namespace: target.namespace ?? '',
          pod,
          container: name,
        })),
      ),
    ),
  }
}
