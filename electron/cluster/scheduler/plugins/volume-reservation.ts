import { persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import { boundByController, claimReference, selectedNode, type Claim } from '#shared/kube/storage.ts'
import type { ClusterState } from '../cluster-state.ts'
import type { NodeInfo } from '../node-info.ts'
import type { PodInfo } from '../pod-info.ts'
import type { BinderDeps, Reservation } from '../reservation.ts'
import { isBound } from './volume-claims.ts'
import { planVolumes, type VolumePlan } from './volume-plan.ts'

/** How long volumes may take to be bound or made before the pod is tried elsewhere, and how often they are looked at. */
const volumesWithin = 600_000
const lookEvery = 100

/** What a pod's claims need on its node; undefined where that is nothing. */
export function reserveVolumes(
  pod: PodInfo,
  { name, node }: NodeInfo,
  claims: readonly Claim[],
  state: ClusterState,
): Reservation | undefined {
  const { reservedVolumes } = state
  const plan = planVolumes(claims, node, state)
  if ('reasons' in plan || !(plan.bind.length || plan.provision.length)) return undefined
  const volumes = plan.bind.map(({ volume }) => volume.metadata?.name ?? '')
  for (const { claim, volume } of plan.bind)
    reservedVolumes.set(volume.metadata?.name ?? '', `${pod.namespace}/${claim.metadata?.name}`)
  return {
    carryOut: (deps) => bindVolumes(deps, pod, name, plan),
    async release() {
      for (const volume of volumes) reservedVolumes.delete(volume)
    },
  }
}

async function bindVolumes(deps: BinderDeps, pod: PodInfo, node: string, plan: VolumePlan): Promise<void> {
  const { client, clock, state, signal } = deps
  for (const { claim, volume } of plan.bind) {
    const metadata = {
      resourceVersion: volume.metadata?.resourceVersion,
      annotations: { [boundByController]: 'yes' },
    }
    await client.patch(persistentVolumes, { name: volume.metadata?.name ?? '' }, 'merge', {
      metadata,
      spec: { claimRef: claimReference(claim) },
    })
  }
  for (const { metadata } of plan.provision) {
    const annotations = { [selectedNode]: node }
    const key = { namespace: pod.namespace, name: metadata?.name ?? '' }
    await client.patch(persistentVolumeClaims, key, 'merge', { metadata: { uid: metadata?.uid, annotations } })
  }
  const claims = [...plan.bind.map(({ claim }) => claim), ...plan.provision].map(({ metadata }) => metadata?.name ?? '')
  const isReady = (name: string): boolean => {
    const claim = state.surroundings.claim(pod.namespace, name)
    if (!claim) throw new Error(`binding volumes: persistentvolumeclaim ${JSON.stringify(name)} not found`)
    return isBound(claim)
  }
  const until = clock.monotonic() + volumesWithin
  while (!claims.every(isReady)) {
    if (clock.monotonic() >= until) throw new Error('binding volumes: context deadline exceeded')
    await clock.sleep(lookEvery, signal)
  }
}
