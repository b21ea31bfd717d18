import type { Pod } from 'kubernetes-types/core/v1'
import { amountOf } from './define.ts'

/** What a pod's containers ask for, or are held to, while they run; null where nothing is asked or one is not held. */
export function podResource(pod: Pod, of: 'requests' | 'limits', resource: string): number | null {
  const { containers = [], initContainers = [], resources } = (pod.spec ?? {}) as PodSpec
  const whole = amountOf(resources?.[of]?.[resource])
  if (whole !== null) return whole
  const running = [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always')]
  const amounts = running.map((container) => amountOf(container.resources?.[of]?.[resource]))
  const known = amounts.filter((amount) => amount !== null)
  // A limit that one container lacks bounds nothing; a request that it lacks is none.
  if (!known.length || (of === 'limits' && known.length < amounts.length)) return null
  return known.reduce((sum, amount) => sum + amount, 0)
}

/** Resources of a pod as a whole are younger than the types. */
type PodSpec = NonNullable<Pod['spec']> & { resources?: Record<string, Record<string, string> | undefined> }
