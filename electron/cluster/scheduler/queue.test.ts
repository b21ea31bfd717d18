import { beforeEach, expect, it } from 'vitest'
import { FakeClock } from '../base/fake-clock.ts'
import { defaultPlugins } from './plugins/index.ts'
import { PodInfo } from './pod-info.ts'
import { SchedulingQueue } from './queue.ts'
import { node, pod } from './testing.ts'

let clock: FakeClock
let queue: SchedulingQueue
let held: Set<string>

beforeEach(() => {
  clock = new FakeClock()
  held = new Set()
  queue = new SchedulingQueue({ clock, plugins: defaultPlugins, held: (uid) => held.has(uid) })
})
const info = (name: string, more = {}) => new PodInfo(pod(name, more))
const pop = () => queue.pop()?.name
const popAll = () => Array.from({ length: 5 }, pop).filter(Boolean)
const rejectBy = (name: string, ...plugins: string[]) => queue.reject(`uid-${name}`, new Set(plugins))
const freed = () => ({ kind: 'pod gone', pod: info('gone') }) as const

it('hands out the most important first, then the one that waits longest', async () => {
  queue.add(info('first'))
  await clock.advance(1)
  queue.add(info('second'))
  queue.add(info('urgent', { priority: 1000 }))
  expect(popAll()).toEqual(['urgent', 'first', 'second'])
})

it('leaves an unschedulable pod alone until an event may help', () => {
  queue.add(info('p', { requests: { cpu: '1' } }))
  pop()
  rejectBy('p', 'NodeResourcesFit')
  queue.happened(() => ({ kind: 'pod assigned', pod: info('other') }))
  expect(queue.stateOf('uid-p')).toBe('unschedulable')
  queue.happened(freed)
  expect(queue.stateOf('uid-p')).toBe('back-off')
})

it('asks the plug-ins that rejected a pod whether a node is of use to it', () => {
  queue.add(info('picky', { nodeSelector: { disk: 'ssd' } }))
  queue.add(info('big', { requests: { cpu: '8' } }))
  popAll()
  rejectBy('picky', 'NodeAffinity')
  rejectBy('big', 'NodeResourcesFit')
  queue.happened(() => ({ kind: 'node added', node: node('plain') }))
  expect([queue.stateOf('uid-picky'), queue.stateOf('uid-big')]).toEqual(['unschedulable', 'unschedulable'])
  queue.happened(() => ({ kind: 'node added', node: node('fast', { labels: { disk: 'ssd' } }) }))
  expect([queue.stateOf('uid-picky'), queue.stateOf('uid-big')]).toEqual(['back-off', 'unschedulable'])
  queue.happened(() => ({ kind: 'node added', node: node('large', { allocatable: { cpu: '16' } }) }))
  expect(queue.stateOf('uid-big')).toBe('back-off')
})

it('backs off from one second to ten, doubling', async () => {
  const delays: number[] = []
  queue.add(info('p'))
  queue.add(info('busy', { priority: 1 }))
  for (let i = 0; i < 6; i++) {
    while (pop() !== 'p');
    rejectBy('p', 'NodeResourcesFit')
    queue.happened(freed)
    const start = clock.monotonic()
    while (queue.stateOf('uid-p') === 'back-off') await clock.advance(500)
    delays.push(clock.monotonic() - start)
  }
  expect(delays).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000])
})

it('cuts a back-off short when there is nothing else to do, but never one after an error', () => {
  queue.add(info('rejected'))
  queue.add(info('failed'))
  popAll()
  rejectBy('rejected', 'NodeResourcesFit')
  queue.fail('uid-failed')
  queue.happened(freed)
  queue.add(info('new'))
  expect(popAll()).toEqual(['new', 'rejected'])
})

it('tries a pod again after five minutes whatever happened', async () => {
  queue.add(info('p'))
  pop()
  rejectBy('p', 'NodeAffinity')
  await clock.advance(299_000)
  expect(pop()).toBeUndefined()
  await clock.advance(35_000)
  expect(pop()).toBe('p')
})

it('keeps gated pods out until their last gate is gone', () => {
  queue.add(info('p', { schedulingGates: [{ name: 'wait' }] }))
  expect([pop(), queue.stateOf('uid-p')]).toEqual([undefined, 'gated'])
  queue.add(info('p'))
  expect(pop()).toBe('p')
})

it('does not try a pod that a plug-in keeps out, until an event helps and it lets it in', () => {
  const gates = new Map([
    ['uid-p', { plugin: 'NodeResourcesFit', reason: 'no claim yet' }],
    ['uid-q', { plugin: 'NodeAffinity', reason: 'not for it' }],
  ])
  let asked = 0
  const gateOf = ({ uid }: PodInfo) => {
    asked++
    return gates.get(uid)
  }
  queue = new SchedulingQueue({ clock, plugins: defaultPlugins, gateOf })
  for (const name of ['p', 'q']) queue.add(info(name))
  expect([popAll(), queue.look('uid-p')]).toMatchObject([[], { where: 'gated', gate: 'no claim yet' }])
  queue.happened(freed)
  expect([popAll(), asked]).toEqual([[], 3])
  gates.clear()
  queue.happened(() => ({ kind: 'pod assigned', pod: info('other') }))
  expect(popAll()).toEqual([])
  queue.happened(freed)
  expect([popAll(), queue.stateOf('uid-q')]).toEqual([['p'], 'gated'])
  // Removed while it is kept out: nothing asks for it any more.
  queue.remove('uid-q')
  queue.happened(() => ({ kind: 'node added', node: node('n') }))
  expect([popAll(), queue.length]).toEqual([[], 1])
})

it('forgets a pod that was removed, wherever it waited', async () => {
  for (const name of ['active', 'waiting', 'backing-off']) queue.add(info(name))
  for (let i = 0; i < 3; i++) pop()
  rejectBy('waiting', 'NodeAffinity')
  queue.fail('uid-backing-off')
  queue.add(info('late'))
  for (const name of ['active', 'waiting', 'backing-off', 'late']) queue.remove(`uid-${name}`)
  await clock.advance(600_000)
  expect([popAll(), queue.length]).toEqual([[], 0])
  expect(clock.pending).toBe(0)
})

it('tries a pod again when it asks for less, and not when it only says so about itself', () => {
  queue.add(info('p', { requests: { cpu: '8' } }))
  pop()
  rejectBy('p', 'NodeResourcesFit')
  queue.add(info('p', { requests: { cpu: '8' }, labels: { a: 'b' } }))
  expect(queue.stateOf('uid-p')).toBe('unschedulable')
  queue.add(info('p', { requests: { cpu: '4' } }))
  expect(queue.stateOf('uid-p')).toBe('back-off')
})

it('does not wake a pod whose victims are still being evicted', () => {
  queue.add(info('p'))
  pop()
  rejectBy('p', 'NodeResourcesFit')
  held.add('uid-p')
  queue.happened(freed)
  expect(queue.stateOf('uid-p')).toBe('unschedulable')
  held.clear()
  queue.activate('uid-p')
  expect(pop()).toBe('p')
})

it('asks once for all replicas that wait for the same', () => {
  let asked = 0
  const plugin = { name: 'Counting', mayHelp: () => (asked++, true) }
  queue = new SchedulingQueue({ clock, plugins: [plugin] })
  for (let i = 0; i < 100; i++) queue.add(info(`p-${i}`))
  for (let i = 0; i < 100; i++) pop()
  for (let i = 0; i < 100; i++) rejectBy(`p-${i}`, 'Counting')
  queue.happened(freed)
  expect(asked).toBe(1)
  expect(queue.stateOf('uid-p-99')).toBe('back-off')
})
