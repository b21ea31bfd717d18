import { milliValueOf, parseQuantity, valueOf } from '#shared/kube/quantity.ts'
import type { Container } from '../types.ts'

/** What a container may use at most when it sets no limit. */
export type Allocatable = Readonly<Record<string, string>>

/**
 * A `resourceFieldRef`: the amount divided by the divisor, rounded up. A missing limit is the node's allocatable, a
 * missing request is 0. Source: resource.ExtractContainerResourceValue.
 */
export function resourceValue(
  container: Container,
  resource: string,
  divisor: string | undefined,
  allocatable: Allocatable,
): string {
  const [kind, ...rest] = resource.split('.')
  const name = rest.join('.')
  if ((kind !== 'limits' && kind !== 'requests') || !name)
    throw new Error(`unsupported container resource : ${resource}`)
  const limit = container.resources?.limits?.[name]
  const request = container.resources?.requests?.[name]
  const amount = parseQuantity((kind === 'limits' ? (limit ?? allocatable[name]) : request) ?? '0')
  const by = parseQuantity(!divisor || divisor === '0' ? '1' : divisor)
  // CPU is counted in thousandths, so that divisors of millicores work.
  if (name === 'cpu') return String(Math.ceil(milliValueOf(amount) / milliValueOf(by)))
  return String(Math.ceil(valueOf(amount) / valueOf(by)))
}
