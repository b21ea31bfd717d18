import { compareQuantities, parseQuantity, zero, addQuantities, type Quantity } from '#shared/kube/quantity.ts'
import { containersOf, initContainersOf, type Pod } from '../types.ts'

type Sums = { cpu: Quantity; memory: Quantity }

/** Source: pkg/apis/core/v1/helper/qos. */
export function qosClassOf(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const requests: Sums = { cpu: zero, memory: zero }
  const limits: Sums = { cpu: zero, memory: zero }
  let any = false
  let everyLimit = true
  for (const { resources } of [...containersOf(pod), ...initContainersOf(pod)]) {
    for (const name of ['cpu', 'memory'] as const) {
      const request = positive(resources?.requests?.[name])
      const limit = positive(resources?.limits?.[name])
      if (request) requests[name] = addQuantities(requests[name], request)
      if (limit) limits[name] = addQuantities(limits[name], limit)
      any ||= Boolean(request ?? limit)
      everyLimit &&= Boolean(limit)
    }
  }
  if (!any) return 'BestEffort'
  const same = (name: 'cpu' | 'memory') => compareQuantities(requests[name], limits[name]) === 0
  return everyLimit && same('cpu') && same('memory') ? 'Guaranteed' : 'Burstable'
}

function positive(text: string | undefined): Quantity | undefined {
  if (!text) return undefined
  const quantity = parseQuantity(text)
  return quantity.unscaled > 0 ? quantity : undefined
}
