import type { Node, Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { SchedulingDecision } from '#shared/kube/trace.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import type { Answer, PendingAnswer } from '../../scheduler/decisions.ts'
import type { Wait } from '../../scheduler/queue.ts'
import { node, pod, World } from '../../scheduler/testing.ts'
import { decisionOf, type Known } from './decision.ts'

const clock = new FakeClock()
const about = (waiting: Pod) => ({ pod: waiting.metadata!.name!, uid: waiting.metadata!.uid!, at: clock.now() })

/** What the scheduler would remember of a pod, preemption left out. */
function answerFor(world: World, wanted: Pod): Answer {
  const decision = world.decide(wanted)
  if (decision.placed) {
    const { scores, fitting, examined } = decision
    return { ...about(wanted), node: decision.node.name, scores, fitting, examined }
  }
  const { all, reports, restrictedBy, refusal } = decision
  const preemption = { result: 'NoHelp', tried: 'no help' } as const
  const found = { message: 'as in the event', nodes: reports, all, restrictedBy, preemption }
  return { ...about(wanted), ...found, ...(refusal ? { refusal } : {}) }
}

function decide(nodes: readonly Node[], wanted: Pod, more: Partial<Known> = {}, running: [Pod, string][] = []) {
  const answer = answerFor(new World({ nodes, running }), wanted)
  const nodeOf = (name: string) => nodes.find(({ metadata }) => metadata?.name === name)
  return decisionOf({ pod: wanted, answer, waiting: undefined, ours: true, nodeOf, clock, ...more })
}

const names = ({ rejections = [] }: SchedulingDecision) =>
  rejections.map(({ count, nodes }) => [count, nodes.map(({ name }) => name).join()])

describe('a pod that fits nowhere', () => {
  const tainted = node('tainted', { taints: [{ key: 'gpu', value: 'a', effect: 'NoSchedule' }] })

  it('is told in one sentence how much is missing and where', () => {
    const full = pod('full', { requests: { cpu: '3500m' } })
    const big = pod('big', { requests: { cpu: '1500m', memory: '2Gi' } })
    const decision = decide([node('n1'), node('n2'), tainted], big, {}, [
      [full, 'n1'],
      [{ ...full, metadata: { ...full.metadata!, uid: 'other', name: 'other' } }, 'n2'],
    ])
    expect(decision).toMatchObject({
      result: 'Unschedulable',
      summary: 'No node fits: 2 lack cpu (1 more needed), 1 has taint gpu=a:NoSchedule.',
      message: 'as in the event',
      nodes: { total: 3, examined: 3, fitting: 0 },
    })
    expect(decision.rejections?.[0]).toMatchObject({
      count: 2,
      evictionHelps: true,
      plugins: [
        { name: 'NodeResourcesFit', missing: [{ resource: 'cpu', requested: '1500m', least: '1', most: '1' }] },
      ],
      nodes: [{ name: 'n1', missing: [{ resource: 'cpu', free: '500m', missing: '1' }] }, { name: 'n2' }],
    })
  })

  it('is told where even an empty node has too little, in figures that can be read', () => {
    const { summary } = decide([node('n1')], pod('huge', { requests: { cpu: '4250m', memory: '8300Mi' } }))
    expect(summary).toBe('No node fits: 1 lacks cpu (250m more needed) and memory (108Mi more needed) even when empty.')
  })

  it('is told the least that is missing where nodes lack differently, the nearest node first', () => {
    const sizes = [1, 3, 2].map((cpu) => node(`n${cpu}`, { allocatable: { cpu: String(cpu) } }))
    const decision = decide(sizes, pod('p', { requests: { cpu: '4' } }))
    expect(decision.summary).toBe('No node fits: 3 lack cpu (at least 1 more needed) even when empty.')
    expect(names(decision)).toEqual([[3, 'n3,n2,n1']])
  })

  it('has nodes with another taint in another group, and every plug-in of a node together', () => {
    const other = node('other', { taints: [{ key: 'disk', effect: 'NoExecute' }] })
    const cordoned = node('cordoned', { unschedulable: true, allocatable: { cpu: '1' } })
    const decision = decide([tainted, other, cordoned], pod('p', { requests: { cpu: '2' } }))
    expect(names(decision)).toEqual([
      [1, 'tainted'],
      [1, 'other'],
      [1, 'cordoned'],
    ])
    expect(decision.summary).toBe(
      'No node fits: 1 has taint gpu=a:NoSchedule, 1 has taint disk:NoExecute, 1 is cordoned and lacks cpu (1 more needed) even when empty.',
    )
  })

  it('keeps to ten names of 5,000 nodes', () => {
    const many = Array.from({ length: 5000 }, (_, i) => node(`n${i}`))
    const decision = decide(many, pod('p', { nodeSelector: { disk: 'ssd' } }))
    expect(decision.summary).toBe('No node fits: 5000 do not match the node selector or affinity (disk=ssd).')
    expect(decision.rejections).toMatchObject([{ count: 5000 }])
    expect(decision.rejections![0]!.nodes).toHaveLength(10)
  })

  it('is told when the cluster has no nodes, and when no node was even looked at', () => {
    expect(decide([], pod('p')).summary).toBe('The cluster has no nodes.')
    const answer: Answer = {
      ...about(pod('p')),
      message: '',
      nodes: [],
      all: 2,
      restrictedBy: [],
      refusal: { plugin: 'VolumeBinding', reason: 'persistentvolumeclaim "data" not found' },
      preemption: { result: 'NotTried', tried: 'not found' },
    }
    const decision = decide([node('n1')], pod('p'), { answer })
    expect(decision.summary).toBe('No node fits: persistentvolumeclaim "data" not found.')
    expect(decision.preemption?.result).toBe('NotTried')
  })

  it('is told who goes for it', () => {
    const unfit = answerFor(new World({ nodes: [node('n1')] }), pod('p', { requests: { cpu: '9' } })) as PendingAnswer
    const preemption = { result: 'Started', tried: '', node: 'n1', victims: ['default/low'] } as const
    const answer = { ...unfit, preemption }
    const decision = decide([node('n1')], pod('p'), { answer })
    expect(decision).toMatchObject({
      result: 'Nominated',
      node: 'n1',
      preemption: { result: 'Started', node: 'n1', victims: ['default/low'] },
    })
    expect(decision.summary).toContain('1 pod is being evicted from n1 for it.')
  })

  it('is told how many go for it, but no names from other namespaces', () => {
    const unfit = answerFor(new World({ nodes: [node('n1')] }), pod('p', { requests: { cpu: '9' } })) as PendingAnswer
    const evicting = (...victims: string[]) => {
      const preemption = { result: 'Started', tried: '', node: 'n1', victims } as const
      return decide([node('n1')], pod('p'), { answer: { ...unfit, preemption } })
    }
    const { summary, preemption } = evicting('default-b/secret', 'default/low', 'other/hidden')
    expect(preemption?.victims).toEqual(['default/low'])
    expect(summary).toContain('3 pods are being evicted from n1 for it.')
    expect(JSON.stringify(evicting('other/hidden'))).not.toContain('hidden')
  })

  it('is told what wakes it, or when it is tried again', () => {
    const waiting = (more: Partial<Wait>): Wait => ({
      where: 'unschedulable',
      attempts: 3,
      readyIn: 0,
      plugins: new Set(['NodeName']),
      ...more,
    })
    const retry = (more: Partial<Wait>) => decide([], pod('p'), { waiting: waiting(more) }).retry
    expect(retry({})).toEqual({
      state: 'Waiting',
      attempts: 3,
      wakes: [{ plugin: 'NodeName', events: ['a node is added'] }],
    })
    expect(retry({ where: 'back-off', readyIn: 4000 })).toEqual({
      state: 'Backoff',
      attempts: 3,
      after: new Date(clock.now() + 4000).toISOString().replace('.000Z', 'Z'),
    })
  })
})

describe('a pod that was placed', () => {
  it('has the scores of its node and of the next by plug-in', () => {
    const decision = decide(
      [node('small', { allocatable: { cpu: '2' } }), node('large')],
      pod('p', { requests: { cpu: '1' } }),
    )
    expect(decision).toMatchObject({ result: 'Placed', node: 'large', nodes: { examined: 2, fitting: 2 } })
    expect(decision.summary).toMatch(/^On large: the best of 2 that fit: score \d+, before small with \d+\.$/)
    const [first] = decision.scores!
    expect(first!.plugins.reduce((sum, { score }) => sum + score, 0)).toBe(first!.total)
  })

  it('is told where there was no choice', () => {
    expect(decide([node('n1'), node('n2', { unschedulable: true })], pod('p')).summary).toBe(
      'On n1: the only one that fits, of 2 looked at.',
    )
  })
})

it('says of other pods what holds them back', () => {
  const without = { answer: undefined, ours: true }
  const gated = pod('p', { schedulingGates: [{ name: 'example.com/quota' }] } as never)
  expect(decide([], gated, without).summary).toBe('Held back by its scheduling gates: example.com/quota.')
  const foreign = decide([], pod('p', { schedulerName: 'volcano' }), { ...without, ours: false })
  expect(foreign.summary).toBe(`Left to the scheduler "volcano", which is none of this cluster's own.`)
  expect(decide([], pod('p'), without)).toMatchObject({ result: 'Waiting', summary: 'Not tried yet.' })
  const failed = { type: 'PodScheduled', status: 'False', reason: 'SchedulerError', message: 'binding volumes' }
  const pending = { ...pod('p'), status: { conditions: [failed] } }
  expect(decide([], pending, without)).toMatchObject({ result: 'Failed', message: 'binding volumes' })
})
