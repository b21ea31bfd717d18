import type { Lease } from 'kubernetes-types/coordination/v1'
import { expect, it } from 'vitest'
import { leases } from '#shared/kube/resources.ts'
import { FakeClock, settle } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { seededRandom } from '../base/random.ts'
import { LeaderElection } from './leader-election.ts'
import { FakeClient } from './testing/fake-client.ts'

const lease = { namespace: 'kube-system', name: 'loops' }

function setup() {
  const clock = new FakeClock()
  const server = new FakeClient({ clock })
  const leading: string[] = []
  const unreachable = new Set<string>()
  /** Whose requests are never answered. */
  const hanging = new Set<string>()
  const holds = new Map<string, () => boolean>()
  const candidate = (identity: string) => {
    const reach = () => {
      if (unreachable.has(identity)) throw new Error('no answer')
    }
    const client = new Proxy(server, {
      get(target, name: keyof FakeClient) {
        const member = target[name] as unknown
        if (typeof member !== 'function') return member
        return async (...args: unknown[]) => {
          reach()
          if (hanging.has(identity)) await new Promise(() => {})
          return (member as (...args: unknown[]) => unknown).apply(target, args)
        }
      },
    })
    return new LeaderElection({
      client,
      clock,
      random: seededRandom(1),
      logger: silentLogger,
      lease,
      identity,
      lead: (held) => {
        holds.set(identity, held)
        leading.push(identity)
        return { [Symbol.asyncDispose]: async () => void leading.splice(leading.indexOf(identity), 1) }
      },
    })
  }
  const held = () => server.stored(leases)[0]?.spec as Lease['spec']
  return { clock, leading, unreachable, hanging, holds, candidate, held }
}

it('leads at once where nobody does, and renews the lease in time', async () => {
  const { clock, leading, candidate, held } = setup()
  const a = candidate('a')
  await settle()
  expect(leading).toEqual(['a'])
  expect(held()).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 })
  const { acquireTime, renewTime } = held()!
  await clock.advance(60_000)
  expect(held()!.acquireTime).toBe(acquireTime)
  expect(Date.parse(held()!.renewTime as string) - Date.parse(renewTime as string)).toBeGreaterThan(55_000)
  await a[Symbol.asyncDispose]()
})

it('never has two leaders, and hands over when one stops in order', async () => {
  const { clock, leading, candidate, held } = setup()
  const a = candidate('a')
  await settle()
  const b = candidate('b')
  for (let i = 0; i < 60; i++) {
    await clock.advance(1000)
    expect(leading).toEqual(['a'])
  }
  await a[Symbol.asyncDispose]()
  expect([leading, held()!.holderIdentity]).toEqual([[], ''])
  await clock.advance(5000)
  expect(leading).toEqual(['b'])
  expect(held()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
  await b[Symbol.asyncDispose]()
  expect(clock.pending).toBe(0)
})

it('takes over from a leader that has died, and not before its lease has run out', async () => {
  const { clock, leading, unreachable, candidate } = setup()
  const a = candidate('a')
  await settle()
  const b = candidate('b')
  await clock.advance(5000)
  unreachable.add('a')
  await clock.advance(8000)
  expect(leading).toEqual(['a'])
  // The leader itself gives up before anybody else may lead.
  await clock.advance(5000)
  expect(leading).toEqual([])
  await clock.advance(12_000)
  expect(leading).toEqual(['b'])
  unreachable.clear()
  await clock.advance(60_000)
  expect(leading).toEqual(['b'])
  await Promise.all([a, b].map((election) => election[Symbol.asyncDispose]()))
})

it('gives up in time when the server takes its requests and never answers', async () => {
  const { clock, leading, hanging, candidate } = setup()
  const a = candidate('a')
  await settle()
  const b = candidate('b')
  await clock.advance(5000)
  hanging.add('a')
  await clock.advance(11_000)
  expect(leading).toEqual([])
  await clock.advance(20_000)
  expect(leading).toEqual(['b'])
  await b[Symbol.asyncDispose]()
  hanging.clear()
  await a[Symbol.asyncDispose]()
  expect(clock.pending).toBe(0)
})

it('lets a leader that was held up know that it leads no more, before it has looked', async () => {
  const { clock, leading, unreachable, holds, candidate } = setup()
  const a = candidate('a')
  await settle()
  await clock.advance(60_000)
  expect(holds.get('a')!()).toBe(true)
  unreachable.add('a')
  // As after a pause of the whole process: time has passed, and nothing has run.
  const passed = clock.monotonic.bind(clock)
  clock.monotonic = () => passed() + 11_000
  expect([leading, holds.get('a')!()]).toEqual([['a'], false])
  clock.monotonic = passed
  await clock.advance(20_000)
  expect([leading, holds.get('a')!()]).toEqual([[], false])
  await a[Symbol.asyncDispose]()
})

it('leads again at once after a restart under the same identity', async () => {
  const { leading, candidate, clock, unreachable } = setup()
  const before = candidate('a')
  await settle()
  unreachable.add('a')
  await before[Symbol.asyncDispose]()
  unreachable.clear()
  const after = candidate('a')
  await settle()
  expect(leading).toEqual(['a'])
  await after[Symbol.asyncDispose]()
  expect(clock.pending).toBe(0)
})

it('does not try without pause to lead with work that cannot begin', async () => {
  const clock = new FakeClock()
  let begun = 0
  const election = new LeaderElection({
    client: new FakeClient({ clock }),
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    lease,
    identity: 'a',
    lead() {
      begun++
      throw new Error('cannot begin')
    },
  })
  await clock.advance(10_000)
  expect(begun).toBeGreaterThan(1)
  expect(begun).toBeLessThan(8)
  await election[Symbol.asyncDispose]()
  expect(clock.pending).toBe(0)
})
