import type { Service } from 'kubernetes-types/core/v1'
import { deviceId, poolId, type ResourceClaim } from '#shared/kube/devices.ts'
import type { Frozen, KubeObject, LabelSelector } from '#shared/kube/object.ts'
import * as resources from '#shared/kube/resources.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import { selectorOf, selectorOfLabels, type Selector } from '#shared/kube/selectors.ts'
import type { InformerFactory } from '../client/informer-factory.ts'
import type { ClusterEvent } from './cluster-event.ts'
import { deviceClassOf, extendedClaimOwner, resourcesOf } from './devices/extended-names.ts'
import { sameLabels } from './pod-info.ts'
import type { Surroundings } from './surroundings.ts'

type Labels = Record<string, string> | undefined

export interface Watching {
  /** What selects pods has changed: whatever was derived from it is void. */
  selectionChanged(): void
  happened(event: () => ClusterEvent): void
  /** The caches have a claim of devices, or have it no more. */
  claimSeen(claim: Frozen<ResourceClaim>, isGone: boolean): void
}

/** The surroundings as informers know them. */
export function informedSurroundings(informers: InformerFactory): Surroundings {
  const caches = surroundingInformers(informers)
  const ofClass = informers
    .for(resources.persistentVolumes)
    .index('storage class', (volume) => [volume.spec?.storageClassName ?? ''])
  const byDevice = caches.resourceClaims.index('device', ({ status }) => [
    ...new Set((status?.allocation?.devices?.results ?? []).map(deviceId)),
  ])
  const extended = caches.resourceClaims.index('extended resources of', extendedClaimOwner)
  const byResource = caches.deviceClasses.index('extended resource', resourcesOf)
  const byNode = caches.resourceSlices.index('node', ({ spec }) => [spec?.nodeName ?? ''])
  const byPool = caches.resourceSlices.index('pool', ({ spec }) => [poolId(spec ?? {})])
  const selectors = new WeakMap<object, Selector>()
  const remember = (object: object, make: () => Selector): Selector => {
    const known = selectors.get(object)
    if (known) return known
    const selector = make()
    selectors.set(object, selector)
    return selector
  }
  return {
    namespaceLabels: (name) => caches.namespaces.lister.get(name)?.metadata?.labels as Labels,
    services: (namespace) =>
      caches.services.lister
        .list(namespace)
        .map((service) =>
          remember(service, () => selectorOfLabels((service as Frozen<Service>).spec?.selector as Labels)),
        ),
    ownerSelector(namespace, kind, name) {
      const key = `${namespace}/${name}`
      if (kind === 'ReplicationController') {
        const owner = caches.replicationControllers.lister.get(key)
        return owner && remember(owner, () => selectorOfLabels(owner.spec?.selector as Labels))
      }
      const owner =
        kind === 'ReplicaSet'
          ? caches.replicaSets.lister.get(key)
          : kind === 'StatefulSet'
            ? caches.statefulSets.lister.get(key)
            : undefined
      return owner && remember(owner, () => selectorOf(owner.spec?.selector as Frozen<LabelSelector> | undefined))
    },
    claim: (namespace, name) => caches.claims.lister.get(`${namespace}/${name}`),
    volume: (name) => caches.volumes.lister.get(name),
    volumes: (storageClass) => ofClass.get(storageClass),
    storageClass: (name) => caches.storageClasses.lister.get(name),
    csiNode: (name) => caches.csiNodes.lister.get(name),
    budgets: (namespace) => caches.budgets.lister.list(namespace),
    deviceClaims: { get: (key) => caches.resourceClaims.lister.get(key), on: (id) => byDevice.get(id) },
    extendedClaim: (podUid) => extended.get(podUid)[0],
    deviceClass: (name) => caches.deviceClasses.lister.get(name),
    classOfResource: (resource) => deviceClassOf(byResource.get(resource)),
    deviceSlices: { reachedFrom: (node) => [...byNode.get(node), ...byNode.get('')], ofPool: (id) => byPool.get(id) },
  }
}

/** What must be known, besides nodes and pods, before anything is decided. */
export const surroundingInformers = (informers: InformerFactory) => ({
  namespaces: informers.for(resources.namespaces),
  services: informers.for(resources.services),
  replicationControllers: informers.for(resources.replicationControllers),
  replicaSets: informers.for(resources.replicaSets),
  statefulSets: informers.for(resources.statefulSets),
  claims: informers.for(resources.persistentVolumeClaims),
  volumes: informers.for(resources.persistentVolumes),
  storageClasses: informers.for(resources.storageClasses),
  csiNodes: informers.for(resources.csiNodes),
  budgets: informers.for(resources.podDisruptionBudgets),
  resourceClaims: informers.for(resources.resourceClaims),
  resourceSlices: informers.for(resources.resourceSlices),
  deviceClasses: informers.for(resources.deviceClasses),
})

/** Tells of changes that matter to pods that wait. Returns the removal of its handlers. */
export function watchSurroundings(informers: InformerFactory, watching: Watching): () => void {
  const removals: (() => void)[] = []
  const selecting = <T extends KubeObject>(type: ResourceType<T>, selectorIn: (object: Frozen<T>) => unknown) => {
    const changed = () => watching.selectionChanged()
    const text = (object: Frozen<T>) => JSON.stringify(selectorIn(object))
    removals.push(
      informers.for(type).handle({
        add: changed,
        update: (object, old) => {
          if (text(object) !== text(old)) changed()
        },
        delete: changed,
      }),
    )
  }
  selecting(resources.services, ({ spec }) => spec?.selector)
  selecting(resources.replicationControllers, ({ spec }) => spec?.selector)
  selecting(resources.replicaSets, ({ spec }) => spec?.selector)
  selecting(resources.statefulSets, ({ spec }) => spec?.selector)
  removals.push(
    informers.for(resources.namespaces).handle({
      update: (namespace, old) => {
        if (!sameLabels(namespace.metadata?.labels as Labels, old.metadata?.labels as Labels))
          watching.selectionChanged()
      },
    }),
  )
  const telling = <T extends KubeObject>(type: ResourceType<T>, eventOf: (object: Frozen<T>) => ClusterEvent) => {
    const tell = (object: Frozen<T>) => watching.happened(() => eventOf(object))
    removals.push(informers.for(type).handle({ add: tell, update: tell }))
  }
  telling(resources.persistentVolumeClaims, (claim) => ({ kind: 'claim changed', claim }))
  telling(resources.persistentVolumes, (volume) => ({ kind: 'volume changed', volume }))
  telling(resources.storageClasses, (storageClass) => ({ kind: 'storage class changed', storageClass }))
  telling(resources.csiNodes, (csiNode) => ({ kind: 'CSI node changed', csiNode }))
  telling(resources.resourceSlices, (slice) => ({ kind: 'resource slice changed', slice }))
  telling(resources.deviceClasses, (deviceClass) => ({ kind: 'device class changed', deviceClass }))
  const tellOfClaim = (claim: Frozen<ResourceClaim>, old?: Frozen<ResourceClaim>) => {
    watching.claimSeen(claim, false)
    watching.happened(() => ({ kind: 'resource claim changed', claim, ...(old ? { old } : {}) }))
  }
  removals.push(
    informers.for(resources.resourceClaims).handle({
      add: (claim) => tellOfClaim(claim),
      update: tellOfClaim,
      delete(claim) {
        watching.claimSeen(claim, true)
        watching.happened(() => ({ kind: 'resource claim gone', claim }))
      },
    }),
  )
  return () => {
    for (const remove of removals) remove()
  }
}
