import { describe, expect, it } from 'vitest'
import { podRequests, scoredRequests } from '../resources.ts'
import { node, pod, World } from '../testing.ts'
import { pluginsWith } from './index.ts'
import { leastAllocated, mostAllocated, requestedToCapacityRatio } from './scoring-strategies.ts'

const nodes = [node('empty'), node('half')]
const running = [[pod('old', { requests: { cpu: '2', memory: '4Gi' } }), 'half']] as const
const wanted = pod('new', { requests: { cpu: '1', memory: '2Gi' } })

describe('scoring strategies', () => {
  it.each([
    ['least allocated spreads', leastAllocated(), 'empty'],
    ['most allocated packs', mostAllocated(), 'half'],
    [
      'requested to capacity ratio follows its curve',
      requestedToCapacityRatio([
        { utilization: 0, score: 0 },
        { utilization: 100, score: 10 },
      ]),
      'half',
    ],
  ])('%s', (_, strategy, chosen) => {
    const plugins = pluginsWith(strategy)
    expect(new World({ nodes, running, plugins }).outcome(wanted)).toBe(chosen)
  })

  it('counts an extended resource only for pods that ask for it', () => {
    const gpus = node('gpus', { allocatable: { 'example.com/gpu': '4' } })
    const strategy = mostAllocated([{ name: 'example.com/gpu', weight: 1 }])
    const world = new World({ nodes: [gpus, node('none')], plugins: pluginsWith(strategy) })
    expect(world.outcome(pod('p', { requests: { 'example.com/gpu': '2' } }))).toBe('gpus')
  })
})

it('tells how much of everything is missing', () => {
  const world = new World({ nodes: [node('half', { allocatable: { 'example.com/gpu': '1' } })], running })
  const decision = world.decide(pod('big', { requests: { cpu: '3', memory: '5Gi', 'example.com/gpu': '2' } }))
  expect(decision).toMatchObject({
    placed: false,
    reports: [
      {
        node: 'half',
        rejections: [
          {
            plugin: 'NodeResourcesFit',
            reasons: ['Insufficient cpu', 'Insufficient memory', 'Insufficient example.com/gpu'],
            missing: [
              { resource: 'cpu', requested: 3000, used: 2000, capacity: 4000 },
              { resource: 'memory', requested: 5 * 2 ** 30, used: 4 * 2 ** 30, capacity: 8 * 2 ** 30 },
              { resource: 'example.com/gpu', requested: 2, used: 0, capacity: 1 },
            ],
          },
        ],
      },
    ],
  })
})

describe('what a pod takes', () => {
  const container = (name: string, requests = {}) => ({ name, resources: { requests } })

  it('is what it asks for as a whole, where it does, plus overhead', () => {
    const spec = {
      containers: [container('a', { cpu: '1', memory: '1Gi', 'example.com/gpu': '1' })],
      resources: { requests: { cpu: '3', 'example.com/gpu': '9' } },
      overhead: { cpu: '100m', memory: '10Mi' },
    }
    const { cpu, memory, others } = podRequests({ spec } as never)
    expect([cpu, memory, others.get('example.com/gpu')]).toEqual([3100, 2 ** 30 + 10 * 2 ** 20, 1])
  })

  it('counts for scores even where it asks for nothing, unless it does so as a whole', () => {
    const spec = { containers: [container('a'), container('b', { cpu: '0' })] }
    expect(scoredRequests({ spec } as never)).toMatchObject({ cpu: 100, memory: 2 * 200 * 2 ** 20 })
    const whole = { ...spec, resources: { requests: { cpu: '50m', memory: '1Mi' } } }
    expect(scoredRequests({ spec: whole } as never)).toMatchObject({ cpu: 50, memory: 2 ** 20 })
  })

  it('is the most of what is asked, granted and in effect while a resize is under way', () => {
    const status = (more: object) => ({ containerStatuses: [{ name: 'a', ...more }] })
    const spec = { containers: [container('a', { cpu: '1' })] }
    const cpuWith = (more: object, conditions: object[] = []) =>
      podRequests({ spec, status: { ...status(more), conditions } } as never).cpu
    expect(cpuWith({ resources: { requests: { cpu: '2' } } })).toBe(2000)
    expect(cpuWith({ allocatedResources: { cpu: '500m' } })).toBe(1000)
    const infeasible = { type: 'PodResizePending', status: 'True', reason: 'Infeasible' }
    expect(cpuWith({ allocatedResources: { cpu: '500m' } }, [infeasible])).toBe(500)
  })
})

it('prefers the node on which CPU and memory stay in balance', () => {
  const lopsided = [
    [pod('old', { requests: { cpu: '3' } }), 'a'],
    [pod('even', { requests: { cpu: '1500m', memory: '3Gi' } }), 'b'],
  ] as const
  const world = new World({ nodes: [node('a'), node('b')], running: lopsided })
  const decision = world.decide(wanted)
  if (!decision.placed) throw new Error('does not fit')
  const balance = Object.fromEntries(
    decision.scores.map((score) => [score.node, score.plugins['NodeResourcesBalancedAllocation']]),
  )
  expect(balance).toEqual({ a: 62, b: 100 })
})

it('prefers the node that has the image, the more so the bigger it is', () => {
  const withImage = node('has')
  withImage.status!.images = [{ names: ['registry/i:latest'], sizeBytes: 2 ** 30 }]
  const wants = pod('p')
  wants.spec!.containers[0]!.image = 'registry/i'
  expect(new World({ nodes: [node('not'), withImage] }).outcome(wants)).toBe('has')
})
