import type { Pod } from 'kubernetes-types/core/v1'
import { expect } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { pods, type ResourceType } from '#shared/kube/resources.ts'
import { internal } from '#shared/kube/status.ts'
import { seededRandom, type Random } from '../../../base/random.ts'
import type { DeleteOptions, KubeClient } from '../../../client/api.ts'
import type { Action } from '../../../client/testing/fake-client.ts'
import type { Controller } from '../controller.ts'
import { readyStatus } from './builders.ts'
import { harness, type Harness, type HarnessParts } from './harness.ts'

/** Schedules per property; a failure names its seed. `SEEDS=2000` plays so many, `SEED=7` that one, and tells its story. */
const seeds = Number(process.env['SEEDS'] ?? 12)
const only = process.env['SEED']
const steps = 50

/** What happens to one object of the world, or to one that is drawn. */
type Happening = (h: Harness, random: Random) => void

export interface Property {
  readonly controllers: (parts: HarnessParts) => readonly Controller[]
  readonly objects: readonly KubeObject[]
  /** The kinds whose caches may fall behind. */
  readonly kinds: readonly ResourceType[]
  /** What users do. */
  readonly users: readonly Happening[]
  /** What node agents and scheduler do, at random. Default: to pods that serve. */
  readonly world?: Happening
  /** The same when nothing goes wrong any more, until all is at rest. */
  readonly calmWorld?: Happening
  /** Nothing goes wrong, and so what is cached is what there is. */
  readonly calm?: boolean
  /** Called with every write of the loops before the server has it. */
  readonly guard?: (h: Pick<Harness, 'client' | 'clock'>, action: Action) => void
  /** Holds at every step, whatever has gone wrong. */
  readonly always?: (h: Harness) => void
  /** Holds in the end, when nothing goes wrong any more. */
  readonly finally: (h: Harness) => void
}

export const one = <T>(random: Random, all: readonly T[]): T | undefined => all[Math.floor(random.next() * all.length)]
export const below = (random: Random, limit: number): number => Math.floor(random.next() * limit)
export const podsOf = (h: Pick<Harness, 'client'>): Pod[] => h.client.stored(pods)
export const podKey = ({ metadata }: KubeObject) => ({ namespace: 'default', name: metadata!.name! })
export const isActive = (pod: Pod): boolean =>
  !pod.metadata?.deletionTimestamp && pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded'
export const image = (pod: Pod): string => pod.spec!.containers[0]!.image!

/** Node agent and scheduler, as far as one pod is concerned that serves. `nodeOf`: where it goes. */
export function serve(
  h: Harness,
  pod: Pod,
  random: Random | undefined,
  nodeOf: (pod: Pod) => string = () => 'n',
): void {
  if (pod.metadata?.deletionTimestamp) return h.client.remove(pods, podKey(pod))
  const chance = random?.next() ?? 1
  const status = chance < 0.1 ? { phase: 'Failed' } : readyStatus(new Date(h.clock.now()).toISOString())
  if (chance < 0.2 && chance >= 0.1) status.phase = 'Pending'
  if (pod.status?.phase === 'Failed' || (!random && pod.status?.phase === 'Running')) return
  h.client.change(pods, podKey(pod), (found) =>
    Object.assign(found, { spec: { ...found.spec, nodeName: nodeOf(pod) }, status }),
  )
}

const serveOne: Happening = (h, random) => {
  const pod = one(random, podsOf(h))
  if (pod) serve(h, pod, random)
}
const serveAll: Happening = (h) => {
  for (const pod of podsOf(h)) serve(h, pod, undefined)
}
const kill: Happening = (h, random) => {
  const pod = one(random, podsOf(h))
  if (pod) void h.client.delete(pods, podKey(pod)).catch(() => {})
}

/** What lies between the loops and the server: it loses requests and answers, and lets the process die after a write. */
class Wire {
  /** Requests of this verb do not arrive. */
  lost: string | undefined
  /** Answers to this verb do not arrive. */
  unanswered: string | undefined
  /** So many writes arrive before the process is dead; undefined: it lives. */
  lives: number | undefined
  /** A write of a loop is on its way to the server. */
  byLoops = false
  /** What has happened, to be told with the seed. */
  readonly story: string[] = []
  /** Uids of pods whose end a loop has asked for, and learned that it was done. */
  readonly killed = new Set<string>()

  readonly client = (server: KubeClient): KubeClient => {
    const write =
      <A extends unknown[], R>(verb: string, send: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        if (this.lives === 0 || this.lost === verb) throw internal('lost')
        if (this.lives !== undefined) this.lives--
        this.byLoops = true
        const sent = send(...args)
        this.byLoops = false
        const answer = await sent
        if (this.unanswered === verb) throw internal('no answer')
        return answer
      }
    return {
      get: server.get.bind(server),
      list: server.list.bind(server),
      watch: server.watch.bind(server),
      create: write('create', server.create.bind(server)),
      update: write('update', server.update.bind(server)),
      patch: write('patch', server.patch.bind(server)),
      delete: write('delete', server.delete.bind(server)),
      post: write('post', server.post.bind(server)),
    } as KubeClient
  }
}

type Undo = () => Promise<void>

const disturbances = [
  'watches cut',
  'watches cut and history lost',
  'requests lost',
  'answers lost',
  'a cache behind',
  'clock jumps',
  'restart',
  'held up: another leads',
  'dies after a write',
]

/** Requests or answers are lost for a while, watches are cut, a cache is behind, the clock jumps, the process dies. */
async function disturb(h: Harness, wire: Wire, random: Random, kinds: readonly ResourceType[]): Promise<Undo | void> {
  const what = below(random, disturbances.length)
  wire.story.push(`${h.clock.monotonic()}: ${disturbances[what]}`)
  const verb = one(random, ['create', 'update', 'patch', 'delete'] as const)!
  if (what === 0) h.client.closeWatches()
  else if (what === 1) {
    h.client.compact()
    h.client.closeWatches()
  } else if (what === 2) {
    wire.lost = verb
    h.clock.after(1 + below(random, 2000), () => (wire.lost = undefined))
  } else if (what === 3) {
    wire.unanswered = verb
    h.clock.after(1 + below(random, 2000), () => (wire.unanswered = undefined))
  } else if (what === 4) {
    // A minute as a rule, and now and then an hour.
    const kind = one(random, kinds)!
    const end = h.client.react('watch', kind.plural, () => 'nothing')
    h.client.closeWatches(kind)
    h.clock.after(1 + below(random, random.next() < 0.2 ? 3600_000 : 60_000), end)
  } else if (what === 5) h.clock.jump((random.next() - 0.3) * 100_000)
  else if (what === 6) await h.restart()
  else if (what === 7) return h.succeed()
  else {
    wire.lives = below(random, 3)
    return async () => {
      await h.restart()
      wire.lives = undefined
    }
  }
}

/** No loop asks twice for the end of a pod, unless nobody told it that it had done so. */
function killsOnce({ client }: Pick<Harness, 'client'>, wire: Wire, { verb, resource, name, options }: Action): void {
  if (verb !== 'delete' || resource !== 'pods') return
  const { preconditions, gracePeriodSeconds } = (options ?? {}) as DeleteOptions
  const { uid } = client.find(pods, { namespace: 'default', name })?.metadata ?? {}
  if (!uid || gracePeriodSeconds === 0 || (preconditions?.uid && preconditions.uid !== uid)) return
  if (wire.killed.has(uid)) throw new Error(`${name} is killed twice`)
  if (wire.unanswered !== 'delete') wire.killed.add(uid)
}

async function play(seed: number, property: Property): Promise<void> {
  const { guard, always, calm, users, kinds, world = serveOne, calmWorld = serveAll } = property
  const random = seededRandom(seed)
  const faults: unknown[] = []
  const wire = new Wire()
  let isFirst = true
  const controllers = (parts: HarnessParts) => {
    if (isFirst)
      parts.client.react('*', '*', (action) => {
        const { verb, resource, name, subresource } = action
        if (resource !== 'events' && !['get', 'list', 'watch'].includes(verb))
          wire.story.push(
            `${parts.clock.monotonic()}: ${wire.byLoops ? '' : 'somebody: '}${verb} ${resource} ${name} ${subresource}`,
          )
        if (!wire.byLoops) return
        try {
          killsOnce(parts, wire, action)
          guard?.(parts, action)
        } catch (fault) {
          faults.push(fault)
        }
      })
    isFirst = false
    return property.controllers(parts)
  }
  await using h = await harness(controllers, property.objects, random, wire.client)
  const undo: Undo[] = []
  const check = () => {
    if (faults.length) throw faults[0]
    always?.(h)
  }
  try {
    for (let step = 0; step < steps; step++) {
      const kind = random.next()
      if (kind < 0.55) world(h, random)
      else if (kind < 0.62) kill(h, random)
      else if (kind < 0.82) one(random, users)?.(h, random)
      else if (!calm) {
        const end = await disturb(h, wire, random, kinds)
        if (end) undo.push(end)
      }
      await h.run(one(random, [0, 1, 50, 1000, 20_000]))
      check()
      while (undo.length && random.next() < 0.7) await undo.shift()!()
    }
    for (const end of undo) await end()
    Object.assign(wire, { lost: undefined, unanswered: undefined })
    // A failed pod of a daemon set is replaced after a quarter of an hour at the latest; a cache is an hour behind at most.
    for (let round = 0, before = -1; round < 50; round++) {
      calmWorld(h, random)
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
    const story = only ? `\n${wire.story.join('\n')}` : ''
    throw new Error(`the schedule of seed ${seed} fails: ${(error as Error).message}${story}`, { cause: error })
  }
}

/** Plays a property's schedules, each with a property of its own; how many. */
export async function playAll(property: () => Property): Promise<number> {
  if (only) return play(Number(only), property()).then(() => 1)
  for (let seed = 1; seed <= seeds; seed++) await play(seed, property())
  return seeds
}

/** Milliseconds that a property may take. */
export const patience = 20_000 + seeds * 1000
