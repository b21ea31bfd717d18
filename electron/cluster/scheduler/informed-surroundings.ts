import type { Service } from 'kubernetes-types/core/v1'
import type { Frozen, KubeObject, LabelSelector } from '#shared/kube/object.ts'
import * as resources from '#shared/kube/resources.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import { selectorOf, selectorOfLabels, type Selector } from '#shared/kube/selectors.ts'
import type { InformerFactory } from '../client/informer-factory.ts'
import type { ClusterEvent } from './cluster-event.ts'
import { sameLabels } from './pod-info.ts'
import type { Surroundings } from './surroundings.ts'

type Labels = Record<string, string> | undefined

export interface Watching {
  /** What selects pods has changed: whatever was derived from it is void. */
  selectionChanged(): void
  happened(event: () => ClusterEvent): void
}

/** The surroundings as informers know them. */
export function informedSurroundings(informers: InformerFactory): Surroundings {
  const caches = listersOf(informers)
  const ofClass = informers
    .for(resources.persistentVolumes)
    .index('storage class', (volume) => [volume.spec?.storageClassName ?? ''])
  const selectors = new WeakMap<object, Selector>()
  const remember = (object: object, make: () => Selector): Selector => {
    const known = selectors.get(object)
    if (known) return known
    const selector = make()
    selectors.set(object, selector)
    return selector
  }
  return {
    namespaceLabels: (name) => caches.namespaces.get(name)?.metadata?.labels as Labels,
    services: (namespace) =>
      caches.services
        .list(namespace)
        .map((service) =>
          remember(service, () => selectorOfLabels((service as Frozen<Service>).spec?.selector as Labels)),
        ),
    ownerSelector(namespace, kind, name) {
      const key = `${namespace}/${name}`
      if (kind === 'ReplicationController') {
        const owner = caches.replicationControllers.get(key)
        return owner && remember(owner, () => selectorOfLabels(owner.spec?.selector as Labels))
      }
      const owner =
        kind === 'ReplicaSet'
          ? caches.replicaSets.get(key)
          : kind === 'StatefulSet'
            ? caches.statefulSets.get(key)
            : undefined
      return owner && remember(owner, () => selectorOf(owner.spec?.selector as Frozen<LabelSelector> | undefined))
    },
    claim: (namespace, name) => caches.claims.get(`${namespace}/${name}`),
    volume: (name) => caches.volumes.get(name),
    volumes: (storageClass) => ofClass.get(storageClass),
    storageClass: (name) => caches.storageClasses.get(name),
    csiNode: (name) => caches.csiNodes.get(name),
    budgets: (namespace) => caches.budgets.list(namespace),
  }
}

const listersOf = (informers: InformerFactory) => ({
  namespaces: informers.for(resources.namespaces).lister,
  services: informers.for(resources.services).lister,
  replicationControllers: informers.for(resources.replicationControllers).lister,
  replicaSets: informers.for(resources.replicaSets).lister,
  statefulSets: informers.for(resources.statefulSets).lister,
  claims: informers.for(resources.persistentVolumeClaims).lister,
  volumes: informers.for(resources.persistentVolumes).lister,
  storageClasses: informers.for(resources.storageClasses).lister,
  csiNodes: informers.for(resources.csiNodes).lister,
  budgets: informers.for(resources.podDisruptionBudgets).lister,
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
  return () => {
    for (const remove of removals) remove()
  }
}
