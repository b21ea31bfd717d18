import type { KubeObject } from '#shared/kube/object.ts'
import { pods } from '#shared/kube/resources.ts'
import type { PodInfo } from './pod-info.ts'
import type { BinderDeps, Reservation } from './reservation.ts'

/** Carries out what was reserved for a pod, then binds it. Rejects where either fails. */
export async function bind(
  deps: BinderDeps,
  { namespace, name, uid }: PodInfo,
  node: string,
  reservations: readonly Reservation[],
): Promise<void> {
  for (const reservation of reservations) await reservation.carryOut(deps)
  const binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: node },
  }
  await deps.client.post(pods, { namespace, name }, 'binding', binding as KubeObject)
}
