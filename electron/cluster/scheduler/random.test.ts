import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { nodes, pods } from '#shared/kube/resources.ts'
import { serviceUnavailable } from '#shared/kube/status.ts'
import { FakeClock, settle } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { seededRandom } from '../base/random.ts'
import { InformerFactory } from '../client/informer-factory.ts'
import { FakeClient } from '../client/testing/fake-client.ts'
import { amountsOf, podRequests } from './resources.ts'
import { startScheduler } from './scheduler.ts'
import { node, pod } from './testing.ts'

const steps = 60

/** A cluster to which things happen, with a scheduler whose writes may fail and whose watches are cut. */
class Storm {
  readonly clock = new FakeClock()
  readonly client = new FakeClient({ clock: this.clock })
  readonly #random: ReturnType<typeof seededRandom>
  readonly #bound = new Map<string, string>()
  #trouble = true

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    for (const verb of ['post', 'patch', 'delete'] as const)
      this.client.react(verb, 'pods', () => {
        if (this.#trouble && this.#random.next() < 0.15) throw serviceUnavailable('the store is full')
        return undefined
      })
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random.next() * list.length)]
  }

  calm(): void {
    this.#trouble = false
  }

  async step(i: number): Promise<void> {
    const event = this.#random.next()
    const cpu = this.pick(['500m', '1', '2', '3'])!
    if (event < 0.5)
      this.client.seed(pod(`p${i}`, { requests: { cpu }, priority: this.pick([0, 0, 0, 10])!, labels: { app: cpu } }))
    else if (event < 0.65) this.#remove()
    else if (event < 0.72) this.client.seed(node(`n${i}`, { allocatable: { cpu: this.pick(['2', '4'])! } }))
    else if (event < 0.76) this.#removeNode()
    else if (event < 0.82) this.client.closeWatches(this.pick([pods, nodes] as never[]))
    else if (event < 0.88) this.#finish()
    else await this.clock.advance(Math.floor(this.#random.next() * 20_000))
    if (this.#random.next() < 0.7) await settle()
    this.end()
    this.check()
  }

  /** Kubelets end what was told to go. */
  end(): void {
    for (const { metadata } of this.client.stored(pods))
      if (metadata?.deletionTimestamp) this.client.remove(pods, { namespace: 'default', name: metadata.name! })
  }

  /** No node has more than it can take, and no pod ever changes its node. */
  check(): void {
    for (const { metadata, spec } of this.client.stored(pods)) {
      const { name, uid } = metadata!
      if (!spec?.nodeName) continue
      const before = this.#bound.get(uid!) ?? spec.nodeName
      if (before !== spec.nodeName) throw new Error(`${name} has moved from ${before} to ${spec.nodeName}`)
      this.#bound.set(uid!, spec.nodeName)
    }
    for (const [name, free] of this.free()) if (free < 0) throw new Error(`${name} lacks ${-free} millicores`)
  }

  free(): Map<string, number> {
    const free = new Map<string, number>()
    for (const { metadata, status } of this.client.stored(nodes))
      free.set(metadata!.name!, amountsOf(status?.allocatable as Record<string, string>).cpu)
    for (const one of this.client.stored(pods)) {
      const name = one.spec?.nodeName
      if (name && free.has(name) && one.status?.phase !== 'Succeeded')
        free.set(name, free.get(name)! - podRequests(one).cpu)
    }
    return free
  }

  #remove(): void {
    const one = this.pick(this.client.stored(pods))
    if (one) this.client.remove(pods, { namespace: 'default', name: one.metadata!.name! })
  }

  #removeNode(): void {
    const one = this.pick(this.client.stored(nodes))
    if (one) this.client.remove(nodes, { name: one.metadata!.name! })
  }

  #finish(): void {
    const one = this.pick(this.client.stored(pods).filter(({ spec }) => spec?.nodeName))
    if (one)
      this.client.change(pods, { namespace: 'default', name: one.metadata!.name! }, (old) =>
        Object.assign(old, { status: { phase: 'Succeeded' } }),
      )
  }
}

it.each(Array.from({ length: 12 }, (_, i) => i + 1))(
  'never overfills a node, binds nothing twice, and leaves nobody waiting who would fit (seed %i)',
  async (seed) => {
    const storm = new Storm(seed)
    const deps = { client: storm.client, clock: storm.clock, random: seededRandom(seed), logger: silentLogger }
    await using informers = new InformerFactory(deps)
    for (const name of ['a', 'b', 'c']) storm.client.seed(node(name, { allocatable: { cpu: '4' } }))
    await using scheduler = startScheduler({ ...deps, informers, events: { event: () => {} } })
    for (let i = 0; i < steps; i++) await storm.step(i)
    storm.calm()
    for (let i = 0; i < 40; i++) {
      await storm.clock.advance(20_000)
      storm.end()
      storm.check()
    }
    const free = [...storm.free().values()]
    const fitting = (one: Pod) => !one.spec?.nodeName && free.some((cpu) => cpu >= podRequests(one).cpu)
    expect(
      storm.client
        .stored(pods)
        .filter(fitting)
        .map(({ metadata }) => metadata?.name),
    ).toEqual([])
    expect(scheduler.decisions.answers().length).toBeGreaterThan(0)
  },
)
