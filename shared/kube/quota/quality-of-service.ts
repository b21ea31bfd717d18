import { compareQuantities, parseQuantity } from '../quantity.ts'
import type { Container, PodSpec } from './types.ts'

const compare = (a: string | undefined, b: string | undefined): number =>
  compareQuantities(parseQuantity(a ?? '0'), parseQuantity(b ?? '0'))

/** Source: pkg/apis/core/v1/helper/qos. Only CPU and memory count, and zero is as good as absent. */
export function qualityOfService(spec: PodSpec | undefined): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const holders: Pick<Container, 'resources'>[] =
    spec?.resources?.requests || spec?.resources?.limits
      ? [spec]
      : [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
  let anything = false
  let guaranteed = true
  for (const { resources } of holders) {
    for (const name of ['cpu', 'memory']) {
      const request = resources?.requests?.[name]
      const limit = resources?.limits?.[name]
      const asks = compare(request, '0') > 0
      const bounds = compare(limit, '0') > 0
      anything ||= asks || bounds
      guaranteed &&= bounds && (!asks || compare(request, limit) === 0)
    }
  }
  if (!anything) return 'BestEffort'
  return guaranteed ? 'Guaranteed' : 'Burstable'
}
