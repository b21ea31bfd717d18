import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { timestamp } from '../../base/clock.ts'
import { findCondition } from '../framework/support/conditions.ts'
import { notReady, unreachable, type TaintView } from '../framework/support/taints.ts'

type NodeView = Frozen<Node>

/** Taint by condition and the status of it that taints. Source: nodeConditionToTaintKeyStatusMap. */
const byCondition: readonly (readonly [type: string, status: string, key: string])[] = [
  ['Ready', 'False', notReady],
  ['Ready', 'Unknown', unreachable],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
]
const unschedulable = 'node.kubernetes.io/unschedulable'
const scheduling = new Set([...byCondition.map(([, , key]) => key), unschedulable])
const evicting = new Set([notReady, unreachable])

/** A taint of ours that drives pods off. */
export const drivesOff = ({ key, effect }: TaintView): boolean => effect === 'NoExecute' && evicting.has(key)

/**
 * The taints that a node should have: those of others as they are, ours by its conditions. `evict`: whether pods are to
 * be driven off; undefined leaves those taints as they are.
 */
export function taintsOf(node: NodeView, evict: boolean | undefined, now: number): readonly TaintView[] {
  const before = node.spec?.taints ?? []
  const holds = (type: string) => findCondition(node.status?.conditions, type)?.status
  const keys = byCondition.filter(([type, status]) => holds(type) === status).map(([, , key]) => key)
  if (node.spec?.unschedulable) keys.push(unschedulable)
  const wanted = keys.map((key): TaintView => ({ key, effect: 'NoSchedule' }))
  const driving = keys.find((key) => evicting.has(key))
  if (evict === undefined) wanted.push(...before.filter(drivesOff))
  else if (evict && driving) wanted.push({ key: driving, effect: 'NoExecute', timeAdded: timestamp(now) })
  const isOurs = (taint: TaintView) => drivesOff(taint) || (taint.effect === 'NoSchedule' && scheduling.has(taint.key))
  const same = (a: TaintView, b: TaintView) => a.key === b.key && a.effect === b.effect
  const kept = before.filter((taint) => !isOurs(taint) || wanted.some((other) => same(other, taint)))
  return [...kept, ...wanted.filter((taint) => !kept.some((other) => same(other, taint)))]
}
