import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { milliValueOf, parseQuantity } from '#shared/kube/quantity.ts'
import { findCondition } from '../framework/support/conditions.ts'
import { compareText } from '../framework/support/order.ts'
import { zoneLabel } from './endpoints.ts'

type NodeView = Frozen<Node>

/** The share of each zone in the processors of the cluster. */
export type ZoneShares = ReadonlyMap<string, number>

/** How much more than its share an endpoint may have to bear. */
const overload = 0.2

const excluded = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master']

const cpuOf = ({ status }: NodeView): number => {
  const text = status?.allocatable?.['cpu']
  return text === undefined ? 0 : milliValueOf(parseQuantity(text))
}

const counts = (node: NodeView): boolean =>
  findCondition(node.status?.conditions, 'Ready')?.status === 'True' &&
  !excluded.some((label) => node.metadata?.labels?.[label] !== undefined)

/** What of a node bears on the shares. */
export const shareOfNode = (node: NodeView): string =>
  counts(node) ? `${node.metadata?.labels?.[zoneLabel] ?? ''}/${cpuOf(node)}` : ''

/** Undefined when there is but one zone, or a node does not tell its zone or its processors. */
export function zoneShares(nodes: readonly NodeView[]): ZoneShares | undefined {
  const cpus = new Map<string, number>()
  let total = 0
  for (const node of nodes.filter(counts)) {
    const zone = node.metadata?.labels?.[zoneLabel]
    const cpu = cpuOf(node)
    if (!zone || !cpu) return undefined
    cpus.set(zone, (cpus.get(zone) ?? 0) + cpu)
    total += cpu
  }
  if (cpus.size < 2) return undefined
  return new Map([...cpus].sort(([a], [b]) => compareText(a, b)).map(([zone, cpu]) => [zone, cpu / total]))
}

/** How many endpoints a zone should have. */
export interface Allocation {
  readonly maximum: number
  readonly desired: number
}

/** By zone, or the reason why endpoints cannot be shared out without overloading some. */
export function allocate(shares: ZoneShares | undefined, endpoints: number): ReadonlyMap<string, Allocation> | string {
  if (!shares) return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes'
  const figures = `(${endpoints} endpoints, ${shares.size} zones)`
  if (shares.size > endpoints) return `Insufficient number of endpoints ${figures}`
  const zones = [...shares].map(([zone, share]) => {
    const desired = share * endpoints
    const minimum = Math.ceil(desired * (1 / (1 + overload)))
    return { zone, minimum, desired: Math.max(desired, minimum) }
  })
  const spare = endpoints - zones.reduce((sum, { minimum }) => sum + minimum, 0)
  if (spare < 0)
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${figures}`
  return new Map(zones.map(({ zone, minimum, desired }) => [zone, { desired, maximum: minimum + spare }]))
}
