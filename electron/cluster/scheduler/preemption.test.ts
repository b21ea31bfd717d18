import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import { describe, expect, it } from 'vitest'
import { node, pod, terminating, World } from './testing.ts'

const cpu = (amount: string) => ({ requests: { cpu: amount } })
const one = (name: string) => node(name, { allocatable: { cpu: '2' } })
const urgent = (more = {}) => pod('urgent', { ...cpu('1'), priority: 100, ...more })

function victims(world: World, wanted = urgent()) {
  const found = world.preempt(wanted)
  return 'candidate' in found
    ? { node: found.candidate.node, victims: found.candidate.victims.map(({ name }) => name) }
    : found.message
}

it('evicts no more than it needs, the least important and youngest first', () => {
  const started = (name: string, priority: number, startTime: string) =>
    Object.assign(pod(name, { ...cpu('1'), priority }), { status: { startTime } })
  const world = new World({
    nodes: [node('a', { allocatable: { cpu: '3' } })],
    running: [
      [started('important', 50, '2026-01-01T00:00:00Z'), 'a'],
      [started('old', 1, '2026-01-01T00:00:00Z'), 'a'],
      [started('young', 1, '2026-01-02T00:00:00Z'), 'a'],
    ],
  })
  expect(victims(world)).toEqual({ node: 'a', victims: ['young'] })
})

it('never evicts pods that are as important', () => {
  const world = new World({ nodes: [one('a')], running: [[pod('peer', { ...cpu('2'), priority: 100 }), 'a']] })
  expect(victims(world)).toBe('preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.')
})

it('says of every node why nobody is evicted there', () => {
  const world = new World({
    nodes: [one('tainted'), one('peers'), node('small', { allocatable: { cpu: '500m' } }), one('mixed')].map((n) =>
      n.metadata!.name === 'tainted' ? { ...n, spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } } : n,
    ),
    running: [
      [pod('peer', { ...cpu('2'), priority: 100 }), 'peers'],
      [pod('big', { ...cpu('1500m'), priority: 100 }), 'mixed'],
      [pod('little', { ...cpu('100m') }), 'mixed'],
    ],
  })
  expect(world.outcome(urgent())).toBe(
    '0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 Insufficient cpu. no new claims to deallocate, preemption: 0/4 nodes are available: 1 Insufficient cpu, 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.',
  )
})

it('does not preempt where the pod is never to', () => {
  const world = new World({ nodes: [one('a')], running: [[pod('low', cpu('2')), 'a']] })
  expect(victims(world, urgent({ preemptionPolicy: 'Never' }))).toBe(
    'preemption: not eligible due to preemptionPolicy=Never.',
  )
})

it('waits for the victims on its nominated node to terminate instead of evicting more', () => {
  const evicted = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }
  const leaving = terminating(pod('low', cpu('2')), { conditions: [evicted] })
  const world = new World({
    nodes: [one('a'), one('b')],
    running: [
      [leaving, 'a'],
      [pod('other', cpu('2')), 'b'],
    ],
  })
  const waiting = { ...urgent(), status: { nominatedNodeName: 'a' } }
  expect(victims(world, waiting)).toBe('preemption: not eligible due to a terminating pod on the nominated node.')
})

describe('of several nodes', () => {
  const budget = (app: string, disruptionsAllowed: number): PodDisruptionBudget => ({
    metadata: { name: app, namespace: 'default' },
    spec: { selector: { matchLabels: { app } } },
    status: { disruptionsAllowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
  })

  it('takes the one where no disruption budget is violated', () => {
    const world = new World({
      nodes: [one('a'), one('b')],
      running: [
        [pod('guarded', { ...cpu('2'), labels: { app: 'db' } }), 'a'],
        [pod('free', { ...cpu('2'), priority: 50 }), 'b'],
      ],
      surroundings: { budgets: () => [budget('db', 0)] },
    })
    expect(victims(world)).toEqual({ node: 'b', victims: ['free'] })
  })

  it('spares on one node what a budget protects, as long as others will do', () => {
    const running = [
      [pod('guarded', { ...cpu('1'), labels: { app: 'db' } }), 'a'],
      [pod('free', { ...cpu('1'), priority: 50 }), 'a'],
    ] as const
    const guarded = new World({ nodes: [one('a')], running, surroundings: { budgets: () => [budget('db', 0)] } })
    expect(victims(guarded)).toEqual({ node: 'a', victims: ['free'] })
    const allowed = new World({ nodes: [one('a')], running, surroundings: { budgets: () => [budget('db', 1)] } })
    expect(victims(allowed)).toEqual({ node: 'a', victims: ['guarded'] })
  })

  it('takes the one whose most important victim is the least', () => {
    const world = new World({
      nodes: [one('a'), one('b')],
      running: [
        [pod('middling', { ...cpu('2'), priority: 50 }), 'a'],
        [pod('low', { ...cpu('2'), priority: 1 }), 'b'],
      ],
    })
    expect(victims(world)).toEqual({ node: 'b', victims: ['low'] })
  })
})

it('evicts a pod that will not have the new one near, and leaves its counts as they were', () => {
  const loner = pod('loner', {
    ...cpu('100m'),
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } },
        ],
      },
    },
  })
  const world = new World({ nodes: [one('a')], running: [[loner, 'a']] })
  const wanted = urgent({ labels: { app: 'web' } })
  expect(victims(world, wanted)).toEqual({ node: 'a', victims: ['loner'] })
  expect(world.decide(wanted).placed).toBe(false)
})

it('counts nominated pods: nobody less important gets the room that is being cleared', () => {
  const world = new World({ nodes: [one('a')] })
  const nominated = world.cycle(pod('urgent', { ...cpu('2'), priority: 100 })).pod
  world.state.nominations.set(nominated, 'a')
  expect(world.decide(pod('low', cpu('1'))).placed).toBe(false)
  expect(world.decide(pod('higher', { ...cpu('1'), priority: 200 })).placed).toBe(true)
})
