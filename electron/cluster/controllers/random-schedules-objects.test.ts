import type { Endpoints, ResourceQuota, Service } from 'kubernetes-types/core/v1'
import type { EndpointSlice } from 'kubernetes-types/discovery/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject, OwnerReference } from '#shared/kube/object.ts'
import {
  configMaps,
  endpoints,
  endpointSlices,
  namespaces,
  nodes,
  pods,
  replicaSets,
  resourceQuotas,
  secrets,
  services,
  type ResourceType,
} from '#shared/kube/resources.ts'
import { silentLogger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { Discovery } from '../client/api.ts'
import { endpointsController } from './endpoints/controller.ts'
import { endpointSliceMirroringController } from './endpointslice-mirroring/controller.ts'
import { endpointSliceController } from './endpointslice/controller.ts'
import { namespace, node, pod, replicaSet, service } from './framework/testing/builders.ts'
import type { Harness } from './framework/testing/harness.ts'
import {
  below,
  isActive,
  one,
  patience,
  playAll,
  podKey,
  podsOf,
  serve,
  type Property,
} from './framework/testing/schedules.ts'
import { garbageCollector } from './garbage-collector/controller.ts'
import { namespaceController } from './namespace/controller.ts'
import { resourceQuotaController } from './resourcequota/controller.ts'

const discovery = (...types: ResourceType[]): Discovery => ({
  resources: async () => ({
    resources: types.map((type) => ({ ...type, verbs: ['create', 'delete', 'list', 'watch'] })),
    failures: [],
  }),
})
const web = 'web'
const pick = (random: Random, count: number) => `o${below(random, count)}`

/** Objects own one another at random: a config map may belong to several replica sets, and pods to config maps. */
const ofGarbage = (): Property => {
  const kinds = [replicaSets, configMaps, pods] as const
  const key = (name: string) => ({ namespace: 'default', name })
  const at = (h: Pick<Harness, 'client'>, { kind, name, uid }: OwnerReference) => {
    const type = kinds.find((each) => each.kind === kind) as ResourceType
    const found = h.client.find(type, key(name))
    return found?.metadata?.uid === uid ? found : undefined
  }
  /** Names are given again, to other objects. */
  let born = 0
  const made = (kind: string, name: string, owners: readonly (KubeObject | undefined)[]) => {
    const ownerReferences = owners.flatMap((owner) =>
      owner
        ? {
            apiVersion: owner.apiVersion!,
            kind: owner.kind!,
            name: owner.metadata!.name!,
            uid: owner.metadata!.uid!,
            blockOwnerDeletion: true,
          }
        : [],
    )
    const metadata = { name, namespace: 'default', uid: `uid-${++born}`, ownerReferences }
    if (kind === 'ReplicaSet') return replicaSet(name, { metadata }) as KubeObject
    if (kind === 'Pod') return pod(name, { metadata }) as KubeObject
    return { apiVersion: 'v1', kind, metadata } as KubeObject
  }
  const some = (h: Harness, random: Random, type: ResourceType) =>
    h.client.find(type, key(pick(random, 4))) as KubeObject | undefined
  return {
    controllers: (parts) => [
      garbageCollector({ ...parts, logger: silentLogger, discovery: discovery(...(kinds as readonly ResourceType[])) }),
    ],
    objects: [],
    kinds: kinds as readonly ResourceType[],
    users: [
      (h, random) => {
        const name = pick(random, 4)
        if (!h.client.find(replicaSets, key(name))) h.client.seed(made('ReplicaSet', name, []))
      },
      (h, random) => {
        const name = pick(random, 4)
        const owners = [some(h, random, replicaSets), random.next() < 0.5 ? some(h, random, replicaSets) : undefined]
        if (!h.client.find(configMaps, key(name)) && owners[0] !== owners[1])
          h.client.seed(made('ConfigMap', name, owners))
      },
      (h, random) => {
        const name = pick(random, 6)
        if (!h.client.find(pods, key(name))) h.client.seed(made('Pod', name, [some(h, random, configMaps)]))
      },
      (h, random) => {
        const type = one<ResourceType>(random, [replicaSets, configMaps])!
        const propagationPolicy = one(random, ['Background', 'Foreground', 'Orphan'] as const)!
        void h.client.delete(type, key(pick(random, 4)), { propagationPolicy }).catch(() => {})
      },
    ],
    guard(h, { verb, resource, name, options }) {
      const type = kinds.find((each) => each.plural === resource) as ResourceType | undefined
      if (verb !== 'delete' || !type) return
      const object = h.client.find(type, key(name))
      const { uid } = (options as { preconditions?: { uid?: string } }).preconditions ?? {}
      if (!object || uid !== object.metadata?.uid) return
      const owners = object.metadata?.ownerReferences ?? []
      const waits = (owner: KubeObject) => owner.metadata?.finalizers?.includes('foregroundDeletion')
      const alive = owners.map((each) => at(h, each)).filter((owner) => owner && !waits(owner))
      if (!owners.length || alive.length) throw new Error(`${resource} ${name} is collected though somebody owns it`)
    },
    finally(h) {
      const all = kinds.flatMap((type) => h.client.stored(type as ResourceType))
      for (const { metadata } of all) {
        expect(metadata!.deletionTimestamp, `${metadata!.name} on its way out for ever`).toBeUndefined()
        const owners = metadata!.ownerReferences ?? []
        const lives = !owners.length || owners.some((owner) => at(h, owner))
        expect(lives, `${metadata!.name} has lost its owners`).toBe(true)
      }
    },
  }
}

const ofNamespace = (): Property => {
  const name = { name: 'gone' }
  const inside = [secrets, configMaps, pods] as readonly ResourceType[]
  const contents = (h: Pick<Harness, 'client'>) =>
    inside.flatMap((type) => h.client.stored(type).filter(({ metadata }) => metadata?.namespace === 'gone'))
  const objects = ['a', 'b', 'c'].flatMap((each): KubeObject[] => [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: each, namespace: 'gone' } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: each, namespace: 'gone', finalizers: ['example.com/hold'] },
    },
    pod(each, {
      metadata: { namespace: 'gone' },
      spec: { nodeName: 'n', containers: [] },
      status: { phase: 'Running' },
    }),
  ])
  const letGo = (h: Harness, random: Random | undefined) => {
    for (const object of contents(h)) {
      if (!object.metadata?.deletionTimestamp || (random && random.next() < 0.7)) continue
      const type = inside.find(({ kind }) => kind === object.kind)!
      h.client.remove(type, { namespace: 'gone', name: object.metadata.name! })
    }
  }
  return {
    controllers: (parts) => [namespaceController({ ...parts, discovery: discovery(...inside) })],
    objects: [
      namespace('gone'),
      namespace('default'),
      ...objects,
      { ...objects[0]!, metadata: { name: 'kept', namespace: 'default' } },
    ],
    kinds: [namespaces],
    world: letGo,
    calmWorld(h) {
      if (h.client.find(namespaces, name)) void h.client.delete(namespaces, name).catch(() => {})
      letGo(h, undefined)
    },
    users: [(h) => void h.client.delete(namespaces, name).catch(() => {})],
    guard(h, { verb, resource, subresource, body }) {
      if (resource !== 'namespaces' || subresource !== 'finalize' || verb === 'get') return
      const left = (body as { spec?: { finalizers?: string[] } }).spec?.finalizers ?? []
      if (!left.includes('kubernetes') && contents(h).length)
        throw new Error(`the namespace is let go with ${contents(h).length} objects in it`)
    },
    always: (h) => expect(h.client.find(secrets, { namespace: 'default', name: 'kept' })).toBeDefined(),
    finally(h) {
      expect([h.client.find(namespaces, name), contents(h)]).toEqual([undefined, []])
      expect(h.client.find(namespaces, { name: 'default' })).toBeDefined()
    },
  }
}

const ofEndpoints = (): Property => {
  const labels = [{ app: web }, { app: 'other' }]
  const manual = service('manual', { spec: { ports: [{ port: 1 }], selector: undefined as never } })
  const byHand = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'manual', namespace: 'default', uid: 'm' } }
  const address = (name: string) => `10.244.0.${Number(name.slice(1)) + 1}`
  const ready = (h: Harness, selector: Record<string, string>) =>
    podsOf(h)
      .filter((each) => each.metadata?.labels?.['app'] === selector['app'])
      .filter((each) => isActive(each) && each.status?.phase === 'Running')
      .map((each) => each.status!.podIP!)
      .sort()
  const inSlices = (slices: readonly EndpointSlice[]) =>
    slices.flatMap((slice) =>
      slice.endpoints.filter((each) => each.conditions?.ready).flatMap((each) => each.addresses),
    )
  const slicesOf = (h: Harness, name: string) =>
    h.client.stored(endpointSlices).filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name)
  const run = (h: Harness, random: Random | undefined) => {
    const each = random ? one(random, podsOf(h)) : undefined
    for (const found of each ? [each] : random ? [] : podsOf(h)) {
      serve(h, found, random)
      const { name } = podKey(found)
      if (h.client.find(pods, podKey(found))?.status?.phase === 'Running')
        h.client.change(pods, podKey(found), ({ status }) =>
          Object.assign(status!, { podIP: address(name), podIPs: [{ ip: address(name) }] }),
        )
    }
  }
  return {
    controllers: (parts) => [
      endpointsController(parts),
      endpointSliceController(parts),
      endpointSliceMirroringController(parts),
    ],
    objects: [service(web), manual as KubeObject, { ...byHand, subsets: [] } as KubeObject, node('n')],
    kinds: [pods, services, endpoints, endpointSlices, nodes],
    world: run,
    calmWorld: (h) => run(h, undefined),
    users: [
      (h, random) => {
        const name = pick(random, 6)
        if (!h.client.find(pods, { namespace: 'default', name }))
          h.client.seed(pod(name, { metadata: { uid: `${name}-${random.next()}`, labels: one(random, labels)! } }))
      },
      (h, random) => {
        const found = one(random, podsOf(h))
        if (found) h.client.change(pods, podKey(found), (each) => (each.metadata!.labels = one(random, labels)!))
      },
      (h, random) =>
        h.client.change(
          services,
          { namespace: 'default', name: web },
          (found: Service) => (found.spec!.selector = one(random, labels)!),
        ),
      (h, random) =>
        h.client.change(endpoints, { namespace: 'default', name: 'manual' }, (found: Endpoints) => {
          const addresses = Array.from({ length: below(random, 3) }, (_, i) => ({ ip: `192.0.2.${i + 1}` }))
          found.subsets = addresses.length
            ? [{ addresses, ports: [{ port: 1 + below(random, 2), protocol: 'TCP' }] }]
            : []
        }),
    ],
    always(h) {
      // However often it is decided anew: no slice is made beside one that would do.
      expect(slicesOf(h, web).length, 'slices').toBeLessThanOrEqual(1)
      expect(slicesOf(h, 'manual').length, 'mirrors').toBeLessThanOrEqual(1)
    },
    finally(h) {
      const { selector } = h.client.find(services, { namespace: 'default', name: web })!.spec!
      const expected = ready(h, selector!)
      expect(inSlices(slicesOf(h, web)).sort()).toEqual(expected)
      const listed = h.client.find(endpoints, { namespace: 'default', name: web })?.subsets ?? []
      expect(listed.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)).sort()).toEqual(expected)
      const { subsets = [] } = h.client.find(endpoints, { namespace: 'default', name: 'manual' })!
      const mirrored = subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip))
      expect(inSlices(slicesOf(h, 'manual')).sort()).toEqual(mirrored.sort())
    },
  }
}

const ofQuota = (): Property => {
  const key = { namespace: 'default', name: 'limits' }
  const small = (name: string) =>
    pod(name, { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100m' } } }] } })
  return {
    controllers: (parts) => [resourceQuotaController({ ...parts, discovery: discovery(pods, secrets) })],
    objects: [
      {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { ...key, uid: 'q' },
        spec: { hard: { pods: '10', 'requests.cpu': '2', 'count/secrets': '10' } },
      } as KubeObject,
    ],
    kinds: [pods, resourceQuotas, secrets],
    users: [
      (h, random) => {
        const name = pick(random, 6)
        if (!h.client.find(pods, { ...key, name })) h.client.seed(small(name))
      },
      (h, random) => {
        const name = pick(random, 3)
        if (h.client.find(secrets, { ...key, name })) h.client.remove(secrets, { ...key, name })
        else h.client.seed({ apiVersion: 'v1', kind: 'Secret', metadata: { ...key, name } })
      },
      (h, random) =>
        h.client.change(resourceQuotas, key, (found: ResourceQuota) => {
          found.spec!.hard = { ...found.spec!.hard, pods: String(5 + below(random, 10)) }
        }),
    ],
    finally(h) {
      const { spec, status } = h.client.find(resourceQuotas, key)!
      const counted = podsOf(h).filter(({ status: is }) => is?.phase !== 'Failed').length
      expect(status!.hard).toEqual(spec!.hard)
      expect(status!.used).toEqual({
        pods: String(counted),
        'requests.cpu': counted === 0 ? '0' : counted === 10 ? '1' : `${counted * 100}m`,
        'count/secrets': String(h.client.stored(secrets).length),
      })
    },
  }
}

describe.each<[string, () => Property]>([
  ['a garbage collector', ofGarbage],
  ['a namespace that ends', ofNamespace],
  ['the endpoints of services', ofEndpoints],
  ['a quota', ofQuota],
])('%s', (_, property) => {
  it(
    'ends as it should, and never has what it must not have, whatever happens on the way',
    async () => expect(await playAll(property)).toBeGreaterThan(0),
    patience,
  )
})
