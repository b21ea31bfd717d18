import { describe, expect, it } from 'vitest'
import { selectorOfLabels } from '#shared/kube/selectors.ts'
import { node, pod, terminating, World } from '../testing.ts'

const zoneKey = 'topology.kubernetes.io/zone'
const zoned = (name: string, zone: string, more = {}) => node(name, { labels: { [zoneKey]: zone }, ...more })
const constraint = (more = {}) => ({
  maxSkew: 1,
  topologyKey: zoneKey,
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: { matchLabels: { app: 'web' } },
  ...more,
})
const web = (name: string, more = {}) =>
  pod(name, { labels: { app: 'web' }, topologySpreadConstraints: [constraint(more)] })
const nodes = [zoned('a1', 'a'), zoned('b1', 'b'), zoned('c1', 'c')]
const skewed = "node(s) didn't match pod topology spread constraints"

it('keeps zones within maxSkew of each other, whatever the order of arrivals', () => {
  const world = new World({ nodes: [...nodes, zoned('a2', 'a'), zoned('a3', 'a')] })
  const zones = Array.from({ length: 9 }, (_, i) => world.place(web(`web-${i}`))[0])
  expect(['a', 'b', 'c'].map((zone) => zones.filter((other) => other === zone).length)).toEqual([3, 3, 3])
})

it('refuses a zone that is ahead, and nodes without the label', () => {
  const full = (name: string, zone: string) => zoned(name, zone, { allocatable: { pods: '1' } })
  const world = new World({
    nodes: [zoned('a1', 'a'), full('b1', 'b'), node('bare')],
    running: [
      [web('old'), 'a1'],
      [pod('other'), 'b1'],
    ],
  })
  expect(world.outcome(web('new'))).toContain(
    `0/3 nodes are available: 1 Too many pods, 1 ${skewed}, 1 ${skewed} (missing required label).`,
  )
})

it('does not count pods that are terminating: they make room already', () => {
  const world = new World({ nodes: [zoned('a1', 'a'), zoned('b1', 'b', { allocatable: { pods: '0' } })] })
  world.run(terminating(web('old')), 'a1')
  expect(world.outcome(web('new'))).toBe('a1')
})

it('takes the emptiest domain for empty while there are fewer than minDomains', () => {
  const world = new World({
    nodes: nodes.slice(0, 2),
    running: [
      [web('x'), 'a1'],
      [web('y'), 'b1'],
    ],
  })
  expect(world.decide(web('new')).placed).toBe(true)
  expect(world.outcome(web('new', { minDomains: 3 }))).toContain(`2 ${skewed}`)
})

describe('domains in which nothing can be scheduled', () => {
  it('still hold the others back where their nodes are cordoned, for a cordon is no taint to the constraint', () => {
    const cordoned = zoned('b1', 'b', { unschedulable: true })
    const world = new World({ nodes: [nodes[0]!, cordoned], running: [[web('old'), 'a1']] })
    expect(world.outcome(web('new'))).toContain(`1 ${skewed}, 1 node(s) were unschedulable`)
  })

  it('are left out where the pod selects other nodes', () => {
    const labelled = new World({ nodes: [zoned('a1', 'a', { labels: { [zoneKey]: 'a', disk: 'ssd' } }), nodes[1]!] })
    labelled.run(web('old'), 'a1')
    const selecting = web('new')
    selecting.spec!.nodeSelector = { disk: 'ssd' }
    expect(labelled.decide(web('new')).placed && labelled.outcome(web('new'))).toBe('b1')
    expect(labelled.outcome(selecting)).toBe('a1')
  })

  it('are left out where they are tainted and the constraint honours taints, and only then', () => {
    const tainted = zoned('b1', 'b', { taints: [{ key: 'gpu', effect: 'NoSchedule' }] })
    const world = new World({ nodes: [nodes[0]!, tainted], running: [[web('old'), 'a1']] })
    expect(world.decide(web('new')).placed).toBe(false)
    expect(world.outcome(web('new', { nodeTaintsPolicy: 'Honor' }))).toBe('a1')
  })
})

it('with matchLabelKeys spreads every revision by itself', () => {
  const of = (name: string, revision: string) => {
    const one = web(name, { matchLabelKeys: ['revision'] })
    one.metadata!.labels = { app: 'web', revision }
    return one
  }
  const world = new World({
    nodes: nodes.slice(0, 2),
    running: [
      [of('x', '1'), 'a1'],
      [of('y', '1'), 'a1'],
    ],
  })
  const placed = [world.place(of('new-1', '2')), world.place(of('new-2', '2'))]
  expect(new Set(placed)).toEqual(new Set(['a1', 'b1']))
})

it('asked softly, prefers the emptier zone and takes the fuller one all the same', () => {
  const soft = { whenUnsatisfiable: 'ScheduleAnyway' }
  const world = new World({ nodes: nodes.slice(0, 2), running: [[web('old'), 'a1']] })
  expect(world.outcome(web('new', soft))).toBe('b1')
  expect(new World({ nodes: [nodes[0]!], running: [[web('old'), 'a1']] }).outcome(web('new', soft))).toBe('a1')
})

describe('the system spreads pods that ask for nothing', () => {
  const replica = (name: string, requests = { cpu: '10m' }) => {
    const one = pod(name, { labels: { app: 'web' }, requests })
    one.metadata!.ownerReferences = [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true },
    ]
    return one
  }
  // Busy, so that the least allocated node is always the same one.
  const busy = pod('busy', { requests: { cpu: '1', memory: '1Gi' } })
  const selector = selectorOfLabels({ app: 'web' })

  it('by the controller that owns them', () => {
    const running = [
      [busy, 'b1'],
      [replica('x'), 'a1'],
      [replica('y'), 'a1'],
      [replica('z'), 'a1'],
    ] as const
    const ownerSelector = (_: string, kind: string, name: string) =>
      kind === 'ReplicaSet' && name === 'web' ? selector : undefined
    const two = nodes.slice(0, 2)
    expect(new World({ nodes: two, running, surroundings: { ownerSelector } }).outcome(replica('new'))).toBe('b1')
    expect(new World({ nodes: two, running }).outcome(replica('new'))).toBe('a1')
  })

  it('by the Services that select them', () => {
    const running = [
      [busy, 'b1'],
      [replica('x'), 'a1'],
      [replica('y'), 'a1'],
      [replica('z'), 'a1'],
    ] as const
    const surroundings = { services: () => [selector] }
    const lone = pod('new', { labels: { app: 'web' } })
    expect(new World({ nodes: nodes.slice(0, 2), running, surroundings }).outcome(lone)).toBe('b1')
  })
})
