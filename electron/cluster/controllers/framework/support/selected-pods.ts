import type { Pod } from 'kubernetes-types/core/v1'
import { matches, type Selector } from '#shared/kube/selectors.ts'
import type { Informer } from '../../../client/informer.ts'
import type { PodView } from './pods.ts'
import { labelIndex } from './service-pods.ts'

/** The pods of a namespace that a selector selects, looked for in the smallest group that has one of its labels. */
export function podSelection(pods: Informer<Pod>): (namespace: string, selector: Selector) => readonly PodView[] {
  const byLabel = labelIndex(pods)
  const size = (groups: readonly string[]) => groups.reduce((sum, group) => sum + byLabel.count(group), 0)
  return (namespace, selector) => {
    const [smallest] = selector
      .filter(({ operator }) => operator === '=' || operator === '==' || operator === 'in')
      .map(({ key, values }) => values.map((value) => `${namespace}/${key}=${value}`))
      .sort((a, b) => size(a) - size(b))
    const candidates = smallest ? smallest.flatMap((group) => byLabel.get(group)) : pods.lister.list(namespace)
    return candidates.filter((pod) => matches(selector, pod.metadata?.labels))
  }
}
