import { persistentVolumeClaims, persistentVolumes, pods } from '#shared/kube/resources.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { boundByController, claimReference, selectedNode } from '#shared/kube/storage.ts'
import type { Clock } from '../base/clock.ts'
import type { KubeClient } from '../client/api.ts'
import type { ClusterState } from './cluster-state.ts'
import type { PodInfo } from './pod-info.ts'
import { claimNames, isBound } from './plugins/volume-claims.ts'
import { planVolumes, type VolumePlan } from './plugins/volume-plan.ts'

/** How long volumes may take to be bound or made before the pod is tried elsewhere, and how often they are looked at. */
const volumesWithin = 600_000
const lookEvery = 100

export interface BinderDeps {
  client: KubeClient
  clock: Clock
  state: ClusterState
  signal: AbortSignal
}

/** What a pod's claims need on its node, taken for it at once: no other pod gets these volumes meanwhile. */
export function reserveVolumes(pod: PodInfo, node: string, state: ClusterState): VolumePlan | undefined {
  if (!pod.usesClaims) return undefined
  const info = state.node(node)
  const claims = claimNames(pod.pod).map(({ name }) => state.surroundings.claim(pod.namespace, name)!)
  const plan = info && planVolumes(claims, info.node, state)
  if (!plan || 'reasons' in plan) return undefined
  for (const { claim, volume } of plan.bind)
    state.reservedVolumes.set(volume.metadata?.name ?? '', `${pod.namespace}/${claim.metadata?.name}`)
  return plan.bind.length || plan.provision.length ? plan : undefined
}

export function releaseVolumes(plan: VolumePlan | undefined, state: ClusterState): void {
  for (const { volume } of plan?.bind ?? []) state.reservedVolumes.delete(volume.metadata?.name ?? '')
}

/** Binds the pod's volumes, then the pod. Rejects where either fails. */
export async function bind(deps: BinderDeps, pod: PodInfo, node: string, plan: VolumePlan | undefined): Promise<void> {
  if (plan) await bindVolumes(deps, pod, node, plan)
  const { namespace, name, uid } = pod
  const binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: node },
  }
  await deps.client.post(pods, { namespace, name }, 'binding', binding as KubeObject)
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
