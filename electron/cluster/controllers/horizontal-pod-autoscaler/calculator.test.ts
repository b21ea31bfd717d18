import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import { pod, readyStatus } from '../framework/testing/builders.ts'
import { averageProposal, sharedProposal, utilizationProposal, valueProposal, type Asked } from './calculator.ts'
import type { Sample } from './pods.ts'

const now = Date.parse('2026-01-01T01:00:00Z')
const at = (secondsAgo: number) => new Date(now - secondsAgo * 1000).toISOString()
const container = (cpu: string | undefined) => ({
  name: 'c',
  image: 'i',
  resources: cpu === undefined ? {} : { requests: { cpu } },
})

/** A pod that has run for an hour and asks for a whole core. */
const steady = (name: string, parts: Partial<Pod> = {}): Pod =>
  pod(name, {
    spec: { containers: [container('1')] },
    status: { ...readyStatus(at(3600)), startTime: at(3600) },
    ...parts,
  })
const unready = (name: string, more: { started: number; changed: number }): Pod =>
  steady(name, {
    status: {
      phase: 'Running',
      startTime: at(more.started),
      conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at(more.changed) }],
    },
  })

const sample = (value: number, secondsAgo = 0): Sample => ({
  value,
  timestamp: now - secondsAgo * 1000,
  window: 15_000,
})
const asked = (pods: Pod[], samples: Record<string, Sample>, more: Partial<Asked> = {}): Asked => ({
  pods,
  samples: new Map(Object.entries(samples)),
  resource: 'cpu',
  current: pods.length,
  tolerances: { down: 0.1, up: 0.1 },
  now,
  ...more,
})
const replicas = (asking: Asked, target = 50) => utilizationProposal(asking, target, undefined).replicas

describe('replicas for a utilization', () => {
  const pods = [steady('a'), steady('b'), steady('c')]

  it('are as many as bring it to the target, rounded up', () => {
    const found = utilizationProposal(asked(pods, { a: sample(800), b: sample(600), c: sample(700) }), 50, undefined)
    expect(found).toEqual({ replicas: 5, usage: { ratio: 1.4, average: 700, utilization: 70 } })
    expect(replicas(asked(pods, { a: sample(100), b: sample(100), c: sample(100) }))).toBe(1)
  })

  it('stay within the tolerance, whose ends belong to it, each way its own', () => {
    const all = (value: number) => ({ a: sample(value), b: sample(value), c: sample(value) })
    expect(replicas(asked(pods, all(550)))).toBe(3)
    expect(replicas(asked(pods, all(450)))).toBe(3)
    expect(replicas(asked(pods, all(560)))).toBe(4)
    const tolerances = { down: 0.5, up: 0 }
    expect(replicas(asked(pods, all(510), { tolerances }))).toBe(4)
    expect(replicas(asked(pods, all(260), { tolerances }))).toBe(3)
  })

  it('count the load of pods, not that of pods which are going or have failed', () => {
    const going = steady('b', { metadata: { name: 'b', deletionTimestamp: at(1) } })
    const failed = steady('c', { status: { phase: 'Failed' } })
    const samples = { a: sample(1000), b: sample(0), c: sample(0) }
    expect(replicas(asked([steady('a'), going, failed], samples, { current: 1 }))).toBe(2)
  })

  it('take a pod without a sample to be idle before they grow', () => {
    expect(replicas(asked(pods, { a: sample(1000), b: sample(1000) }))).toBe(4)
    expect(replicas(asked(pods, { a: sample(600), b: sample(600) }))).toBe(3)
  })

  it('take a pod without a sample to use all that it asks for before they shrink', () => {
    expect(replicas(asked(pods, { a: sample(100), b: sample(100) }))).toBe(3)
    expect(replicas(asked([...pods, steady('d')], { a: sample(0), b: sample(0), c: sample(0) }))).toBe(2)
  })

  it('take it to use the target where that is above what it asks for', () => {
    const samples = { a: sample(400), b: sample(400) }
    expect(utilizationProposal(asked(pods, samples), 200, undefined).replicas).toBe(2)
  })

  it('stay where care for unknown pods would turn the direction', () => {
    expect(replicas(asked([...pods, steady('d')], { a: sample(600) }))).toBe(4)
    expect(replicas(asked(pods, { a: sample(100), b: sample(100) }, { current: 2 }))).toBe(2)
  })

  it('grow less by pods that are not ready yet, and never shrink by them', () => {
    const starting = unready('c', { started: 10, changed: 10 })
    const two = [steady('a'), steady('b'), starting]
    expect(replicas(asked(two, { a: sample(1000), b: sample(1000), c: sample(1000) }))).toBe(4)
    expect(replicas(asked(two, { a: sample(800), b: sample(800), c: sample(1000) }))).toBe(3)
    expect(replicas(asked(two, { a: sample(100), b: sample(100), c: sample(1000) }))).toBe(1)
  })

  it('leave a pod out that was ready for less than a window in its first five minutes', () => {
    const young = (changed: number) => steady('b', { status: { ...readyStatus(at(changed)), startTime: at(60) } })
    expect(replicas(asked([steady('a'), young(10)], { a: sample(500), b: sample(1000) }))).toBe(2)
    expect(replicas(asked([steady('a'), young(20)], { a: sample(500), b: sample(1000) }))).toBe(3)
  })

  it('count an unready pod later on, unless it was never ready', () => {
    const once = unready('b', { started: 600, changed: 500 })
    const never = unready('b', { started: 600, changed: 590 })
    const samples = { a: sample(500), b: sample(1000) }
    expect(replicas(asked([steady('a'), once], samples))).toBe(3)
    expect(replicas(asked([steady('a'), never], samples))).toBe(2)
  })

  it('count memory of pods whatever their readiness', () => {
    const starting = {
      ...unready('a', { started: 10, changed: 10 }),
      spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { memory: '1' } } }] },
    }
    expect(replicas(asked([starting], { a: sample(1000) }, { resource: 'memory' }))).toBe(2)
  })

  it('say why they cannot be computed', () => {
    const why = (asking: Asked, wanted?: string) => () => utilizationProposal(asking, 50, wanted)
    expect(why(asked([], { a: sample(1) }))).toThrow('no pods returned by selector while calculating replica count')
    expect(why(asked([pod('a')], { a: sample(1) }))).toThrow(
      'did not receive metrics for targeted pods (pods might be unready)',
    )
    const bare = steady('a', { spec: { containers: [container(undefined)] } })
    expect(why(asked([bare], { a: sample(1) }))).toThrow('missing request for cpu in container c of Pod a')
    expect(why(asked([steady('a')], { a: sample(1) }), 'x')).toThrow('container x not found in Pod a')
    expect(why(asked([steady('a')], { b: sample(1) }))).toThrow('no metrics returned matched known pods')
  })
})

describe('requests', () => {
  const of = (spec: object, target = 50) =>
    utilizationProposal(asked([steady('a', { spec: spec as never })], { a: sample(1000) }), target, undefined).usage
      .utilization

  it('are those of containers and sidecars, not of init containers that end', () => {
    const initContainers = [
      { ...container('500m'), name: 's', restartPolicy: 'Always' },
      { ...container('9'), name: 'i' },
    ]
    expect(of({ containers: [container('500m')], initContainers })).toBe(100)
  })

  it('are those of the pod where it has its own, with what it costs to run it', () => {
    const resources = { requests: { cpu: '3' } }
    expect(of({ containers: [container('500m')], resources, overhead: { cpu: '1' } })).toBe(25)
    expect(of({ containers: [container('500m')], resources: { requests: { memory: '1Gi' } } })).toBe(200)
  })
})

describe('replicas for other targets', () => {
  it('bring an average to its target, whatever was requested', () => {
    const pods = [pod('a', { status: readyStatus() }), pod('b', { status: readyStatus() })]
    const found = averageProposal(
      asked(pods, { a: sample(30_000), b: sample(10_000) }, { resource: undefined }),
      10_000,
    )
    expect(found).toEqual({ replicas: 4, usage: { ratio: 2, average: 20_000 } })
  })

  it('multiply the pods that are ready by the ratio of a value', () => {
    const pods = [steady('a'), steady('b'), unready('c', { started: 9, changed: 9 })]
    const situation = { pods, current: 3, tolerances: { down: 0.1, up: 0.1 } }
    expect(valueProposal(situation, 30_000, 10_000).replicas).toBe(6)
    expect(valueProposal(situation, 10_500, 10_000).replicas).toBe(3)
    expect(() => valueProposal({ ...situation, pods: [] }, 30_000, 10_000)).toThrow('unable to calculate ready pods')
  })

  it('come back from zero by the value alone', () => {
    const situation = { pods: [], current: 0, tolerances: { down: 0.1, up: 0.1 } }
    expect(valueProposal(situation, 25_000, 10_000).replicas).toBe(3)
    expect(valueProposal(situation, 0, 10_000).replicas).toBe(0)
  })

  it('share a value among as many pods as it takes', () => {
    const tolerances = { down: 0.1, up: 0.1 }
    expect(sharedProposal(2, tolerances, 50_000, 10_000)).toMatchObject({ replicas: 5, usage: { average: 25_000 } })
    expect(sharedProposal(5, tolerances, 52_000, 10_000).replicas).toBe(5)
    expect(sharedProposal(0, tolerances, 50_000, 10_000).replicas).toBe(5)
  })
})
