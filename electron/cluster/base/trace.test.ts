import { pods, replicaSets } from '#shared/kube/resources.ts'
import { expect, it } from 'vitest'
import { FakeClock } from './fake-clock.ts'
import { TraceRing, type TraceNote } from './trace.ts'

const note = (name: string, more: Partial<TraceNote> = {}): TraceNote => ({
  user: 'somebody',
  component: 'test',
  action: 'update',
  kind: pods,
  namespace: 'default',
  name,
  uid: `uid-${name}`,
  resourceVersion: undefined,
  ...more,
})

const cause = (name: string, resourceVersion: number) => ({
  kind: 'Pod',
  name,
  uid: `uid-${name}`,
  resourceVersion: String(resourceVersion),
})

function ringOf(...notes: TraceNote[]) {
  const clock = new FakeClock()
  const ring = new TraceRing({ clock })
  for (const each of notes) ring.record(each)
  const start = clock.now() * 256
  /** Parent, root and depth of each entry, counted from 1. */
  const links = () =>
    ring.entries().map(({ parent, root, depth }) => [parent === undefined ? 0 : parent - start, root - start, depth])
  return { clock, ring, links }
}

it('shows the newest entries in their order', () => {
  const clock = new FakeClock()
  const ring = new TraceRing({ clock, capacity: 3 })
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) ring.record(note(name))
  expect(ring.entries().map(({ name }) => name)).toEqual(['e', 'f', 'g'])
})

it('goes on with greater sequences after a restart', async () => {
  const { clock, ring } = ringOf(note('a'), note('b'))
  await clock.advance(1)
  expect(new TraceRing({ clock }).newest).toBeGreaterThan(ring.newest)
})

it('finds what made an object as it was seen, and what all of it began with', () => {
  const { links } = ringOf(
    note('deployment', { resourceVersion: '5' }),
    note('replicaset', { kind: replicaSets, resourceVersion: '6', cause: cause('deployment', 5) }),
    note('deployment', { resourceVersion: '7' }),
    // Seen before the second write to the deployment.
    note('late', { cause: cause('deployment', 5) }),
    note('pod', { cause: cause('replicaset', 6) }),
  )
  expect(links()).toEqual([
    [0, 1, 0],
    [1, 1, 1],
    [0, 3, 0],
    [1, 1, 1],
    [2, 1, 2],
  ])
})

it('takes the last write that was seen for the cause where the revision itself was not recorded', () => {
  const { links } = ringOf(note('node', { resourceVersion: '5' }), note('pod', { cause: cause('node', 9) }))
  expect(links()[1]).toEqual([1, 1, 1])
})

it('takes a reaction for one to what somebody else had asked of the object, not to its own report before', () => {
  const reports = { user: 'system:node:n', reacts: true }
  const { links } = ringOf(
    note('pod', { user: 'replicaset-controller' }),
    note('pod', { user: 'scheduler', reacts: true }),
    note('pod', reports),
    note('pod', reports),
  )
  expect(links()).toEqual([
    [0, 1, 0],
    [1, 1, 1],
    [2, 1, 2],
    [2, 1, 2],
  ])
})

it('starts a story of its own with what happens long after anybody asked for anything', async () => {
  const { clock, ring, links } = ringOf(note('pod'))
  await clock.advance(3_600_000)
  ring.record(note('pod', { user: 'system:node:n', reacts: true }))
  expect(links()[1]).toEqual([0, 2, 0])
})

it('takes no attempt that failed for a cause', () => {
  const { links } = ringOf(
    note('pod', { resourceVersion: '3' }),
    note('pod', { resourceVersion: '3', failure: 'conflict' }),
    note('other', { cause: cause('pod', 3) }),
  )
  expect(links()[2]).toEqual([1, 1, 1])
})

it('forgets objects with their last entry', () => {
  const clock = new FakeClock()
  const ring = new TraceRing({ clock, capacity: 4 })
  ring.record(note('old', { resourceVersion: '1' }))
  for (let i = 0; i < 10; i++) ring.record(note(`n${i}`))
  ring.record(note('late', { cause: cause('old', 1) }))
  expect(ring.entries().at(-1)).toMatchObject({ parent: undefined, depth: 0 })
})
