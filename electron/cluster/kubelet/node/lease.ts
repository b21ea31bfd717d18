import type { Lease } from 'kubernetes-types/coordination/v1'
import { leases } from '#shared/kube/resources.ts'
import { isAlreadyExists, isNotFound } from '#shared/kube/status.ts'
import { microTimestamp } from '../../base/clock.ts'
import type { KubeClient } from '../../client/api.ts'

/** Heartbeats of nodes. Source: component-helpers/apimachinery/lease, kubelet's defaults. */
export const leaseNamespace = 'kube-node-lease'
export const leaseDurationSeconds = 40
export const renewInterval = 10_000

/** Renews the lease of a node, making it where it is missing. `uid` is the node's, so that the lease goes with it. */
export async function renewLease(client: KubeClient, node: { name: string; uid: string }, now: number): Promise<void> {
  const { name, uid } = node
  const spec = { holderIdentity: name, leaseDurationSeconds, renewTime: microTimestamp(now) }
  try {
    await client.patch(leases, { namespace: leaseNamespace, name }, 'merge', { spec }, { unread: true })
  } catch (error) {
    if (!isNotFound(error)) throw error
    const lease: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: leaseNamespace, name, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
      spec,
    }
    await client.create(leases, lease).catch((failure: unknown) => {
      if (!isAlreadyExists(failure)) throw failure
    })
  }
}
