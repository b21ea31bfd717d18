import type { DaemonSet, StatefulSet } from 'kubernetes-types/apps/v1'
import type { Pod, ReplicationController } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import {
  controllerRevisions,
  daemonSets,
  nodes,
  pods,
  replicationControllers,
  statefulSets,
} from '#shared/kube/resources.ts'
import { internal } from '#shared/kube/status.ts'
import { seededRandom, type Random } from '../base/random.ts'
import type { DeleteOptions } from '../client/api.ts'
import type { Action } from '../client/testing/fake-client.ts'
import { daemonSetController } from './daemonset/controller.ts'
import { targetNode } from './daemonset/pod.ts'
import type { Controller } from './framework/controller.ts'
import { daemonSet, node, readyStatus, replicationController, statefulSet } from './framework/testing/builders.ts'
import { harness, type Harness, type HarnessParts } from './framework/testing/harness.ts'
import { replicationController as replicationControllerLoop } from './replicationcontroller/controller.ts'
import { statefulSetController } from './statefulset/controller.ts'

/** Schedules per property; a failure names its seed. */
const seeds = Number(process.env['SEEDS'] ?? 10)
const steps = 50

type Workload = StatefulSet | DaemonSet | ReplicationController
interface Property {
  readonly controllers: (parts: HarnessParts) => readonly Controller[]
  readonly objects: readonly KubeObject[]
  /** What users do to the workload, beside what happens to pods. */
  readonly users: readonly ((h: Harness, random: Random) => void)[]
  /** Nothing goes wrong, and so what is cached is what there is. */
  readonly calm?: boolean
  /** Called with every write before the server has it. */
  readonly guard?: (h: Pick<Harness, 'client'>, action: Action) => void
  /** Holds at every step, whatever has gone wrong. `arrived`: the writes that were not lost. */
  readonly always: (h: Harness, arrived: readonly Action[]) => void
  /** Holds in the end, when nothing goes wrong any more. */
  readonly finally: (h: Harness) => void
}

const key = { namespace: 'default', name: 'web' }
const keyOf = ({ metadata }: Pod) => ({ namespace: 'default', name: metadata!.name! })
const podsOf = (h: Harness) => h.client.stored(pods)
const isActive = (pod: Pod) =>
  !pod.metadata?.deletionTimestamp && pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded'
const image = (pod: Pod) => pod.spec!.containers[0]!.image!
const one = <T>(random: Random, all: readonly T[]): T | undefined => all[Math.floor(random.next() * all.length)]
const below = (random: Random, limit: number) => Math.floor(random.next() * limit)
const bump = (object: Workload) =>
  Object.assign(object.metadata!, { generation: (object.metadata!.generation ?? 0) + 1 })

/** Node agents and scheduler, as far as one pod is concerned. */
function agent(h: Harness, pod: Pod, mayFail: boolean, random: Random): void {
  if (pod.metadata?.deletionTimestamp) return h.client.remove(pods, keyOf(pod))
  const chance = mayFail ? random.next() : 1
  const status = chance < 0.1 ? { phase: 'Failed' } : readyStatus(new Date(h.clock.now()).toISOString())
  if (chance < 0.2 && chance >= 0.1) status.phase = 'Pending'
  if (pod.status?.phase === 'Failed' || (!mayFail && pod.status?.phase === 'Running')) return
  h.client.change(pods, keyOf(pod), (found) =>
    Object.assign(found, { spec: { ...found.spec, nodeName: targetNode(pod) ?? 'n' }, status }),
  )
}

/** Requests are lost for a while, watches are cut, a cache is behind, the clock jumps, or the process is started anew. */
async function disturb(h: Harness, random: Random, lost: Set<Action>): Promise<void> {
  const what = below(random, 6)
  if (what === 0) h.client.closeWatches()
  else if (what === 1) {
    h.client.compact()
    h.client.closeWatches()
  } else if (what === 2) {
    const verb = one(random, ['create', 'update', 'patch', 'delete'] as const)!
    const end = h.client.react(verb, '*', (action) => {
      lost.add(action)
      throw internal('lost')
    })
    h.clock.after(1 + below(random, 2000), end)
  } else if (what === 3) {
    const kind = one(random, [pods, nodes, controllerRevisions, statefulSets, daemonSets, replicationControllers])!
    const end = h.client.react('watch', kind.plural, () => 'nothing')
    h.client.closeWatches(kind)
    h.clock.after(1 + below(random, 60_000), end)
  } else if (what === 4) h.clock.jump((random.next() - 0.3) * 100_000)
  else await h.restart()
}

async function play(seed: number, property: Property): Promise<void> {
  const random = seededRandom(seed)
  const lost = new Set<Action>()
  const faults: unknown[] = []
  const { guard } = property
  let isFirst = true
  const controllers = (parts: HarnessParts) => {
    if (isFirst && guard)
      parts.client.react('*', '*', (action) => {
        try {
          guard(parts, action)
        } catch (fault) {
          faults.push(fault)
        }
      })
    isFirst = false
    return property.controllers(parts)
  }
  await using h = await harness(controllers, property.objects, random)
  const check = () => {
    if (faults.length) throw faults[0]
    property.always(
      h,
      h.client.actions.filter((action) => !lost.has(action)),
    )
  }
  try {
    for (let step = 0; step < steps; step++) {
      const kind = random.next()
      const pod = one(random, podsOf(h))
      if (kind < 0.6 && pod) agent(h, pod, true, random)
      else if (kind < 0.7 && pod) await h.client.delete(pods, keyOf(pod)).catch(() => {})
      else if (kind < 0.9) one(random, property.users)?.(h, random)
      else if (!property.calm) await disturb(h, random, lost)
      await h.run(one(random, [0, 1, 50, 1000, 20_000]))
      check()
    }
    // A failed pod of a daemon set is replaced after a quarter of an hour at the latest.
    for (let round = 0, before = -1; round < 50; round++) {
      for (const pod of podsOf(h)) agent(h, pod, false, random)
      await h.run(round < 5 ? 900_000 : 20_000)
      check()
      if (round >= 8 && before === h.client.writes().length) break
      before = h.client.writes().length
    }
    property.finally(h)
    const settled = h.client.writes().length
    await h.run(600_000)
    expect(h.client.writes().length, 'writes of a loop at rest').toBe(settled)
  } catch (error) {
    throw new Error(`the schedule of seed ${seed} fails`, { cause: error })
  }
}

const users = {
  scale: (type: typeof statefulSets | typeof replicationControllers) => (h: Harness, random: Random) =>
    h.client.change(type as typeof statefulSets, key, (set) => {
      set.spec!.replicas = below(random, 5)
      bump(set)
    }),
  image: (type: typeof statefulSets | typeof daemonSets) => (h: Harness, random: Random) =>
    h.client.change(type as typeof statefulSets, key, (set) => {
      set.spec!.template.spec!.containers[0]!.image = `v${below(random, 4)}`
      bump(set)
    }),
}

const ofStatefulSet = (podManagementPolicy: string): Property => {
  const base = statefulSet('web')
  const claims = [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }]
  return {
    controllers: (parts) => [statefulSetController(parts)],
    objects: [{ ...base, spec: { ...base.spec!, podManagementPolicy, volumeClaimTemplates: claims } } as KubeObject],
    users: [users.scale(statefulSets), users.image(statefulSets)],
    always(_, arrived) {
      const killed = arrived.flatMap(({ verb, options }) =>
        verb === 'delete' ? ((options as DeleteOptions | undefined)?.preconditions?.uid ?? []) : [],
      )
      expect(new Set(killed).size, 'pods killed').toBe(killed.length)
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
    const ordinal = (text: string) => Number(text.slice('web-'.length))
    if (verb === 'create')
      expect(
        idle.filter(({ metadata }) => ordinal(metadata!.name!) < ordinal(name)),
        `before ${name}`,
      ).toEqual([])
    // Of those that stay and work, one may be taken away when all others work.
    const killed = verb === 'delete' && (options as DeleteOptions).preconditions && client.find(pods, { ...key, name })
    const stays = ordinal(name) < client.find(statefulSets, key)!.spec!.replicas!
    if (killed && stays && works(killed)) expect(idle, `idle when ${name} is killed`).toEqual([])
  },
}

const ofDaemonSet = (rollingUpdate: object, perNode: number): Property => {
  const base = daemonSet('web')
  const names = ['a', 'b', 'c', 'd']
  return {
    controllers: (parts) => [daemonSetController(parts)],
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

const ofReplicationController: Property = {
  controllers: (parts) => [replicationControllerLoop(parts)],
  objects: [replicationController('web')],
  users: [users.scale(replicationControllers)],
  always(h) {
    // Five is more than anybody asks for: pods are created for those that fail, never beside those that work.
    expect(podsOf(h).filter(isActive).length).toBeLessThan(5)
  },
  finally(h) {
    const { spec, status } = h.client.find(replicationControllers, key)!
    expect(podsOf(h).filter(isActive)).toHaveLength(spec!.replicas!)
    expect(status).toMatchObject({ replicas: spec!.replicas })
  },
}

describe.each<[string, Property]>([
  ['a stateful set in order, where nothing goes wrong', inOrder],
  ['a stateful set in order', ofStatefulSet('OrderedReady')],
  ['a stateful set in parallel', ofStatefulSet('Parallel')],
  ['a daemon set', ofDaemonSet({ maxUnavailable: 1, maxSurge: 0 }, 1)],
  ['a daemon set that surges', ofDaemonSet({ maxUnavailable: 0, maxSurge: 1 }, 2)],
  ['a replication controller', ofReplicationController],
])('%s', (_, property) => {
  it(
    'ends as it should, and never has what it must not have, whatever happens on the way',
    async () => {
      let lived = 0
      for (let seed = 1; seed <= seeds; seed++, lived++) await play(seed, property)
      expect(lived).toBe(seeds)
    },
    10_000 + seeds * 1000,
  )
})
