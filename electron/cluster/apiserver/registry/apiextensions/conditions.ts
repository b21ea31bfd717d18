import { timestamp } from '../../../base/clock.ts'
import type { Condition, Crd } from './types.ts'

/** What says so on a definition whose instances must be deleted before it may go. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'

export const conditionOf = ({ status }: Crd, type: string): Condition | undefined =>
  status?.conditions?.find((condition) => condition.type === type)

export const isTrue = (crd: Crd, type: string): boolean => conditionOf(crd, type)?.status === 'True'

/** Sets a condition; its time changes with its status only. Changes the definition. */
export function setCondition(crd: Crd, condition: Omit<Condition, 'lastTransitionTime'>, now: number): void {
  const status = (crd.status ??= {})
  const before = conditionOf(crd, condition.type)
  const lastTransitionTime =
    before?.status === condition.status && before.lastTransitionTime ? before.lastTransitionTime : timestamp(now)
  const { type, status: value, reason = '', message = '' } = condition
  const next: Condition = { lastTransitionTime, message, reason, status: value, type }
  const others = status.conditions ?? []
  status.conditions = before ? others.map((other) => (other === before ? next : other)) : [...others, next]
}

/**
 * Marks a definition as being deleted, with the finalizer under which its instances go first.
 * Source: apiextensions registry/customresourcedefinition/etcd.go.
 */
export function markForCleanup(crd: Crd, now: number): void {
  const metadata = (crd.metadata ??= {}) as { deletionTimestamp?: string; finalizers?: string[] }
  metadata.deletionTimestamp = timestamp(now)
  if (!metadata.finalizers?.includes(cleanupFinalizer))
    metadata.finalizers = [...(metadata.finalizers ?? []), cleanupFinalizer]
  setCondition(
    crd,
    {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionPending',
      message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    },
    now,
  )
}
