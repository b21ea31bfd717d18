import type { Node, Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { leases, nodes, pods } from '#shared/kube/resources.ts'
import { node, pod, readyStatus } from './framework/testing/builders.ts'
import { harness, type Harness } from './framework/testing/harness.ts'
import { taintEvictionController } from './taint-eviction/controller.ts'
import { nodeLifecycleController } from './node-lifecycle/controller.ts'

const beat = 10_000
const tolerated = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
]
const machine = (name: string, zone = 'z', more: Record<string, string> = {}): Node =>
  node(name, {
    metadata: { labels: { 'topology.kubernetes.io/zone': zone, ...more } },
    status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-01T00:00:00Z' }] },
  })
const lease = (name: string): KubeObject => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, namespace: 'kube-node-lease' },
})
const on = (nodeName: string): Pod =>
  pod(`on-${nodeName}`, { spec: { nodeName, containers: [], tolerations: tolerated }, status: readyStatus() })
const many = (count: number, zone: string): Node[] =>
  Array.from({ length: count }, (_, i) => machine(`${zone}${i}`, zone))
const nameOf = ({ metadata }: KubeObject | Node) => metadata!.name!

/** A cluster whose nodes renew their leases every ten seconds as long as they are alive; each has one pod. */
class World {
  readonly h: Harness
  readonly dead = new Set<string>()
  /** When each node was first tainted so that pods are driven off, in milliseconds since the start. */
  readonly tainted = new Map<string, number>()
  passed = 0
  #beats = 0

  constructor(h: Harness) {
    this.h = h
  }

  static async of(machines: readonly Node[]): Promise<World> {
    const objects = machines.flatMap((each) => [each, lease(nameOf(each)), on(nameOf(each))])
    return new World(
      await harness(
        (parts) => [nodeLifecycleController(parts), taintEvictionController(parts)],
        objects as KubeObject[],
      ),
    )
  }

  /** Power off, or on again: then the kubelet says at once that it is ready. */
  power(isOn: boolean, names: Iterable<string>): void {
    for (const name of names) {
      if (isOn) this.dead.delete(name)
      else this.dead.add(name)
      if (isOn && this.h.client.find(nodes, { name }))
        this.h.client.change(nodes, { name }, (found) => {
          found.status!.conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: String(++this.#beats) }]
        })
    }
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.passed + ms; this.passed < end; this.passed += beat) {
      for (const { metadata } of this.h.client.stored(leases))
        if (!this.dead.has(metadata!.name!))
          this.h.client.change(leases, { namespace: 'kube-node-lease', name: metadata!.name! }, (each) =>
            Object.assign(each, { spec: { renewTime: String(++this.#beats) } }),
          )
      await this.h.run(beat)
      for (const each of this.h.client.stored(nodes))
        if (this.driving(each) && !this.tainted.has(nameOf(each))) this.tainted.set(nameOf(each), this.passed + beat)
      // Nobody else ends the pods of a dead node; the test only wants to know that it was asked for.
      for (const each of this.h.client.stored(pods))
        if (each.metadata?.deletionTimestamp) this.evicted.add(nameOf(each))
    }
  }
  readonly evicted = new Set<string>()

  driving({ spec }: Node): boolean {
    return (spec?.taints ?? []).some(({ effect }) => effect === 'NoExecute')
  }
  get drivingNow(): number {
    return this.h.client.stored(nodes).filter((each) => this.driving(each)).length
  }
  /** Seconds between two nodes being tainted, in the order of time. */
  get gaps(): number[] {
    const times = [...this.tainted.values()].sort((a, b) => a - b)
    return times.slice(1).map((time, i) => (time - times[i]!) / 1000)
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.h[Symbol.asyncDispose]()
  }
}

describe('a node that is powered off', () => {
  it('is unknown after 50 s, and its pods go when they have tolerated that for 300 s', async () => {
    await using world = await World.of(many(4, 'a'))
    await world.pass(60_000)
    world.power(false, ['a0'])
    await world.pass(60_000)
    expect([...world.tainted.keys()]).toEqual(['a0'])
    expect(world.h.client.find(nodes, { name: 'a0' })?.spec?.taints).toMatchObject([
      { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' },
      { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
    ])
    await world.pass(270_000)
    expect([...world.evicted]).toEqual([])
    await world.pass(40_000)
    expect([...world.evicted]).toEqual(['on-a0'])
  })

  it('keeps its pods when it is back in time', async () => {
    await using world = await World.of(many(4, 'a'))
    world.power(false, ['a0'])
    await world.pass(300_000)
    world.power(true, ['a0'])
    await world.pass(600_000)
    expect([[...world.evicted], world.drivingNow]).toEqual([[], 0])
  })

  it('has its pods called not ready even if that fails at first', async () => {
    await using world = await World.of(many(2, 'a'))
    const end = world.h.client.react('patch', 'pods', () => {
      throw new Error('lost')
    })
    world.power(false, ['a0'])
    await world.pass(60_000)
    end()
    await world.pass(20_000)
    const ready = world.h.client.find(pods, { namespace: 'default', name: 'on-a0' })?.status?.conditions?.[0]?.status
    expect(ready).toBe('False')
  })
})

describe('a zone that is lost', () => {
  it('is evicted one node every ten seconds, as other zones can take its pods', async () => {
    await using world = await World.of([...many(6, 'a'), ...many(6, 'b'), ...many(6, 'c')])
    world.power(
      false,
      many(6, 'a').map((each) => nameOf(each)),
    )
    await world.pass(180_000)
    expect([...world.tainted.keys()].every((name) => name.startsWith('a'))).toBe(true)
    expect(world.gaps).toEqual([10, 10, 10, 10, 10])
    await world.pass(300_000)
    expect(world.evicted.size).toBe(6)
  })

  it('is not evicted while there is no other, and nobody is driven off when the last zone goes', async () => {
    await using world = await World.of([...many(3, 'a'), ...many(3, 'b')])
    world.power(
      false,
      [...many(3, 'a'), ...many(3, 'b')].map((each) => nameOf(each)),
    )
    await world.pass(900_000)
    expect([world.drivingNow, world.evicted.size]).toEqual([0, 0])
  })
})

describe('a zone that is partly down', () => {
  const half = (count: number) =>
    many(count, 'a')
      .slice(0, Math.ceil(count * 0.6))
      .map((each) => nameOf(each))

  it('with at most 50 nodes is evicted no more', async () => {
    await using world = await World.of([...many(10, 'a'), ...many(3, 'b')])
    world.power(false, half(10))
    await world.pass(60_000)
    const before = world.tainted.size
    await world.pass(1_200_000)
    expect(before).toBeLessThanOrEqual(1)
    expect(world.tainted.size).toBe(before)
  })

  it('with more is evicted one node every hundred seconds', async () => {
    await using world = await World.of([...many(60, 'a'), ...many(3, 'b')])
    world.power(false, half(60))
    await world.pass(460_000)
    expect(world.gaps.length).toBeGreaterThan(2)
    expect(world.gaps.every((gap) => gap >= 100)).toBe(true)
  })

  it('goes on being evicted when enough nodes are back', async () => {
    await using world = await World.of([...many(10, 'a'), ...many(3, 'b')])
    world.power(false, half(10))
    await world.pass(300_000)
    const before = world.tainted.size
    world.power(true, half(10).slice(0, 3))
    await world.pass(60_000)
    expect(world.tainted.size).toBeGreaterThan(before)
  })

  it('is judged without the nodes that are to be left out of account', async () => {
    const out = { 'node.kubernetes.io/exclude-disruption': '' }
    const spare = Array.from({ length: 20 }, (_, i) => machine(`spare${i}`, 'a', out))
    await using world = await World.of([...many(10, 'a'), ...many(3, 'b'), ...spare])
    world.power(false, half(10))
    await world.pass(60_000)
    const before = world.tainted.size
    await world.pass(300_000)
    expect(world.tainted.size).toBe(before)
  })
})

describe('half of the nodes flapping', () => {
  it('costs no pod while each comes back in time, and leaves no taint behind', async () => {
    await using world = await World.of([...many(8, 'a'), ...many(8, 'b')])
    const flapping = [...many(8, 'a'), ...many(8, 'b')].map((each) => nameOf(each)).filter((_, i) => i % 2 === 0)
    for (let round = 0; round < 15; round++) {
      world.power(false, flapping)
      await world.pass(120_000)
      world.power(true, flapping)
      await world.pass(60_000)
    }
    expect([[...world.evicted], world.drivingNow]).toEqual([[], 0])
  })

  it('drives the pods of each zone off no faster than one node in ten seconds', async () => {
    await using world = await World.of([...many(9, 'a'), ...many(9, 'b')])
    const flapping = many(9, 'a')
      .slice(0, 4)
      .map((each) => nameOf(each))
    world.power(false, flapping)
    await world.pass(200_000)
    expect(world.gaps).toEqual([10, 10, 10])
    await world.pass(400_000)
    expect([...world.evicted].sort()).toEqual(flapping.map((name) => `on-${name}`))
  })
})
