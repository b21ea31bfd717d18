import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from 'kubernetes-types/apps/v1'
import type { Pod, ReplicationController } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import {
  controllerRevisions,
  daemonSets,
  deployments,
  nodes,
  persistentVolumeClaims,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
} from '#shared/kube/resources.ts'
import type { Random } from '../base/random.ts'
import type { DeleteOptions } from '../client/api.ts'
import { daemonSetController } from './daemonset/controller.ts'
import { targetNode } from './daemonset/pod.ts'
import { deploymentController } from './deployment/controller.ts'
import {
  daemonSet,
  deployment,
  node,
  replicaSet,
  replicationController,
  statefulSet,
} from './framework/testing/builders.ts'
import type { Harness } from './framework/testing/harness.ts'
import {
  below,
  image,
  isActive,
  one,
  patience,
  playAll,
  podKey,
  podsOf,
  serve,
  type Property,
} from './framework/testing/schedules.ts'
import { replicaSetController } from './replicaset/controller.ts'
import { replicationController as replicationControllerLoop } from './replicationcontroller/controller.ts'
import { statefulSetController } from './statefulset/controller.ts'

type Workload = StatefulSet | DaemonSet | ReplicationController | ReplicaSet | Deployment

const key = { namespace: 'default', name: 'web' }
const bump = (object: Workload) =>
  Object.assign(object.metadata!, { generation: (object.metadata!.generation ?? 0) + 1 })

const users = {
  scale:
    (type: typeof statefulSets | typeof replicationControllers | typeof replicaSets | typeof deployments) =>
    (h: Harness, random: Random) =>
      h.client.change(type as typeof statefulSets, key, (set) => {
        set.spec!.replicas = below(random, 5)
        bump(set)
      }),
  image: (type: typeof statefulSets | typeof daemonSets | typeof deployments) => (h: Harness, random: Random) =>
    h.client.change(type as typeof statefulSets, key, (set) => {
      set.spec!.template.spec!.containers[0]!.image = `v${below(random, 4)}`
      bump(set)
    }),
}

const ordinalOf = (pod: string) => Number(pod.slice('web-'.length))

const ofStatefulSet = (podManagementPolicy: string): Property => {
  const base = statefulSet('web')
  const claims = [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }]
  return {
    controllers: (parts) => [statefulSetController(parts)],
    objects: [{ ...base, spec: { ...base.spec!, podManagementPolicy, volumeClaimTemplates: claims } } as KubeObject],
    kinds: [pods, statefulSets, controllerRevisions, persistentVolumeClaims],
    users: [users.scale(statefulSets), users.image(statefulSets)],
    calmWorld(h) {
      const { replicas = 1 } = h.client.find(statefulSets, key)!.spec!
      for (const pod of podsOf(h)) {
        // Upstream, too, two failed pods that are to go wait for one another until somebody helps.
        const isStuck = pod.status?.phase === 'Failed' && ordinalOf(pod.metadata!.name!) >= replicas
        if (isStuck) h.client.remove(pods, podKey(pod))
        else serve(h, pod, undefined)
      }
    },
    finally(h) {
      const { spec, status } = h.client.find(statefulSets, key)!
      const replicas = spec!.replicas!
      const wanted = Array.from({ length: replicas }, (_, i) => `web-${i} ${spec!.template.spec!.containers[0]!.image}`)
      expect(
        podsOf(h)
          .map((pod) => `${pod.metadata!.name} ${image(pod)}`)
          .sort(),
      ).toEqual(wanted)
      expect(status).toMatchObject({ replicas, availableReplicas: replicas })
      expect(status!.currentRevision).toBe(status!.updateRevision)
    },
  }
}

/** Where nothing goes wrong, each pod starts when those before it work, and one at a time is out of work for an update. */
const inOrder: Property = {
  ...ofStatefulSet('OrderedReady'),
  calm: true,
  guard({ client }, { verb, resource, name, options }) {
    if (resource !== 'pods') return
    const works = ({ metadata, status }: Pod) => !metadata?.deletionTimestamp && status?.phase === 'Running'
    const idle = client.stored(pods).filter((pod) => !works(pod))
    if (verb === 'create')
      expect(
        idle.filter(({ metadata }) => ordinalOf(metadata!.name!) < ordinalOf(name)),
        `before ${name}`,
      ).toEqual([])
    // Of those that stay and work, one may be taken away when all others work.
    const killed = verb === 'delete' && (options as DeleteOptions).preconditions && client.find(pods, { ...key, name })
    const stays = ordinalOf(name) < client.find(statefulSets, key)!.spec!.replicas!
    if (killed && stays && works(killed)) expect(idle, `idle when ${name} is killed`).toEqual([])
  },
}

const ofDaemonSet = (rollingUpdate: object, perNode: number): Property => {
  const base = daemonSet('web')
  const names = ['a', 'b', 'c', 'd']
  return {
    controllers: (parts) => [daemonSetController(parts)],
    kinds: [pods, nodes, daemonSets, controllerRevisions],
    world(h, random) {
      const pod = one(random, podsOf(h))
      if (pod) serve(h, pod, random, (each) => targetNode(each) ?? 'n')
    },
    calmWorld(h) {
      for (const pod of podsOf(h)) serve(h, pod, undefined, (each) => targetNode(each) ?? 'n')
    },
    objects: [
      ...names.map((name) => node(name)),
      { ...base, spec: { ...base.spec!, updateStrategy: { type: 'RollingUpdate', rollingUpdate } } } as KubeObject,
    ],
    users: [
      users.image(daemonSets),
      (h, random) => {
        const name = one(random, names)!
        if (!h.client.find(nodes, { name })) return void h.client.seed(node(name))
        if (random.next() < 0.5) return h.client.remove(nodes, { name })
        const taints = random.next() < 0.5 ? [] : [{ key: 'k', effect: one(random, ['NoSchedule', 'NoExecute'])! }]
        h.client.change(nodes, { name }, (found) => Object.assign(found, { spec: { taints } }))
      },
    ],
    always(h) {
      const counts = new Map<string, number>()
      for (const pod of podsOf(h).filter(isActive))
        counts.set(targetNode(pod)!, (counts.get(targetNode(pod)!) ?? 0) + 1)
      for (const [name, count] of counts) expect(count, `pods on node ${name}`).toBeLessThanOrEqual(perNode)
    },
    finally(h) {
      const { spec, status } = h.client.find(daemonSets, key)!
      const all = h.client.stored(nodes)
      const fit = all.filter((each) => !each.spec?.taints?.length).map((each) => each.metadata!.name!)
      const known = new Set(all.map((each) => each.metadata!.name!))
      const there = podsOf(h).filter((pod) => fit.includes(targetNode(pod)!))
      expect(there.map((pod) => `${targetNode(pod)} ${image(pod)}`).sort()).toEqual(
        fit.map((name) => `${name} ${spec!.template.spec!.containers[0]!.image}`).sort(),
      )
      // What is on a node that is gone is the pod garbage collector's; what tolerates its taint may have stayed.
      for (const pod of podsOf(h).filter((each) => known.has(targetNode(each)!) && !there.includes(each)))
        expect(h.client.find(nodes, { name: targetNode(pod)! })?.spec?.taints?.[0]?.effect).toBe('NoSchedule')
      expect(status).toMatchObject({ desiredNumberScheduled: fit.length, numberReady: fit.length })
    },
  }
}

/** Pods are created for those that fail, never beside those that work: at most four are asked for. */
const atMostFour = (h: Harness) => expect(podsOf(h).filter(isActive).length).toBeLessThanOrEqual(4)

const ofReplicas = (
  type: typeof replicaSets | typeof replicationControllers,
  object: KubeObject,
  controllers: Property['controllers'],
): Property => ({
  controllers,
  objects: [object],
  kinds: [pods, type],
  users: [users.scale(type)],
  always: atMostFour,
  finally(h) {
    const { spec, status } = h.client.find(type as typeof replicaSets, key)!
    expect(podsOf(h).filter(isActive)).toHaveLength(spec!.replicas!)
    expect(status).toMatchObject({ replicas: spec!.replicas })
  },
})

const ofDeployment = (rollingUpdate: object, most: number): Property => {
  const base = deployment('web')
  const strategy = { type: 'RollingUpdate', rollingUpdate }
  return {
    controllers: (parts) => [deploymentController(parts), replicaSetController(parts)],
    objects: [{ ...base, spec: { ...base.spec!, replicas: 3, strategy } } as KubeObject],
    kinds: [pods, replicaSets, deployments],
    users: [
      users.scale(deployments),
      users.image(deployments),
      (h, random) =>
        h.client.change(deployments, key, (found) => {
          found.spec!.paused = random.next() < 0.3
          bump(found)
        }),
    ],
    calmWorld(h) {
      if (h.client.find(deployments, key)?.spec?.paused)
        h.client.change(deployments, key, (found) =>
          bump(Object.assign(found, { spec: { ...found.spec, paused: false } })),
        )
      for (const pod of podsOf(h)) serve(h, pod, undefined)
    },
    always(h) {
      // What is asked for in all: pods that are to go may be there for a moment longer, upstream too.
      const asked = h.client.stored(replicaSets).reduce((sum, { spec }) => sum + (spec?.replicas ?? 1), 0)
      expect(asked, 'pods asked for').toBeLessThanOrEqual(most)
      const hashes = h.client.stored(replicaSets).map(({ spec }) => spec!.template!.spec!.containers[0]!.image)
      expect(new Set(hashes).size, 'replica sets of one template').toBe(hashes.length)
    },
    finally(h) {
      const { spec, status } = h.client.find(deployments, key)!
      const active = podsOf(h).filter(isActive)
      expect(active.map(image)).toEqual(active.map(() => spec!.template.spec!.containers[0]!.image))
      expect(active).toHaveLength(spec!.replicas!)
      const { replicas, updatedReplicas, availableReplicas, observedGeneration } = status!
      expect([replicas ?? 0, updatedReplicas ?? 0, availableReplicas ?? 0]).toEqual(Array(3).fill(spec!.replicas))
      expect(observedGeneration).toBe(h.client.find(deployments, key)!.metadata!.generation)
    },
  }
}

describe.each<[string, Property]>([
  ['a stateful set in order, where nothing goes wrong', inOrder],
  ['a stateful set in order', ofStatefulSet('OrderedReady')],
  ['a stateful set in parallel', ofStatefulSet('Parallel')],
  ['a daemon set', ofDaemonSet({ maxUnavailable: 1, maxSurge: 0 }, 1)],
  ['a daemon set that surges', ofDaemonSet({ maxUnavailable: 0, maxSurge: 1 }, 2)],
  [
    'a replication controller',
    ofReplicas(replicationControllers, replicationController('web') as KubeObject, (parts) => [
      replicationControllerLoop(parts),
    ]),
  ],
  ['a replica set', ofReplicas(replicaSets, replicaSet('web') as KubeObject, (parts) => [replicaSetController(parts)])],
  ['a deployment', ofDeployment({ maxSurge: 1, maxUnavailable: 0 }, 5)],
  ['a deployment that makes room first', ofDeployment({ maxSurge: 0, maxUnavailable: 1 }, 4)],
])('%s', (_, property) => {
  it(
    'ends as it should, and never has what it must not have, whatever happens on the way',
    async () => expect(await playAll(() => property)).toBeGreaterThan(0),
    patience,
  )
})
