import type { Node, Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import { podRequests } from './resources.ts'
import { enoughNodes } from './schedule.ts'
import { node, pod, World } from './testing.ts'

const decide = (wanted: Pod, nodes: Node[], running: [Pod, string][] = []) =>
  new World({ nodes, running }).decide(wanted)
const placement = (wanted: Pod, nodes: Node[], running: [Pod, string][] = []) =>
  new World({ nodes, running }).outcome(wanted)

it('spreads by least allocated: the emptier node wins', () => {
  const nodes = [node('a'), node('b')]
  expect(
    placement(pod('new', { requests: { cpu: '1' } }), nodes, [[pod('old', { requests: { cpu: '1' } }), 'a']]),
  ).toBe('b')
})

it('counts pods that request nothing as a tenth of a core when it spreads', () => {
  expect(placement(pod('new'), [node('a'), node('b')], [[pod('old'), 'a']])).toBe('b')
})

it('says of every node why it will not do, counted and sorted', () => {
  const nodes = [node('small', { allocatable: { cpu: '1' } }), node('full'), node('cordoned', { unschedulable: true })]
  const running: [Pod, string][] = [[pod('big', { requests: { cpu: '3' } }), 'full']]
  expect(placement(pod('new', { requests: { cpu: '2' } }), nodes, running)).toBe(
    '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.',
  )
  expect(placement(pod('new'), [])).toBe('no nodes available to schedule pods')
})

it('refuses a node that has no room for one more pod, whatever the pod requests', () => {
  expect(placement(pod('new'), [node('a', { allocatable: { pods: '1' } })], [[pod('old'), 'a']])).toContain(
    '1 Too many pods',
  )
})

describe('taints', () => {
  const tainted = node('a', { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] })

  it.each([
    [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' }, true],
    [{ key: 'k', value: 'v' }, true],
    [{ key: 'k', operator: 'Exists' }, true],
    [{ operator: 'Exists' }, true],
    [{ key: 'k', operator: 'Equal', value: 'other' }, false],
    [{ key: 'k', operator: 'Exists', effect: 'NoExecute' }, false],
    [{ operator: 'Equal', value: 'other' }, false],
  ])('are met by %j: %s', (toleration, met) => {
    expect(decide(pod('p', { tolerations: [toleration] }), [tainted]).placed).toBe(met)
  })

  it('that only ask to be avoided are avoided while another node fits', () => {
    const shunned = node('a', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] })
    expect(placement(pod('p'), [shunned, node('b')])).toBe('b')
    expect(placement(pod('p'), [shunned])).toBe('a')
  })
})

describe('node affinity', () => {
  const required = (key: string, operator: string, values: string[] = []) => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
        },
      },
    },
  })

  it.each([
    ['zone', 'In', ['a', 'b'], 'n1'],
    ['zone', 'NotIn', ['a'], 'n2'],
    ['cores', 'Gt', ['4'], 'n2'],
    ['cores', 'Lt', ['5'], 'n1'],
    ['gpu', 'Exists', [], 'n2'],
  ])('%s %s %j chooses %s', (key, operator, values, chosen) => {
    const nodes = [
      node('n1', { labels: { zone: 'a', cores: '4' } }),
      node('n2', { labels: { zone: 'c', cores: '16', gpu: '' } }),
    ]
    expect(placement(pod('p', required(key, operator, values)), nodes)).toBe(chosen)
  })

  it('with an empty term matches nothing, as upstream', () => {
    const none = {
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{}] } } },
    }
    expect(decide(pod('p', none), [node('a')]).placed).toBe(false)
  })

  it('prefers by weight', () => {
    const preferred = {
      weight: 100,
      preference: { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] },
    }
    const wanting = pod('p', {
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preferred] } },
    })
    expect(placement(wanting, [node('a'), node('b', { labels: { disk: 'ssd' } }), node('c')])).toBe('b')
  })
})

it('keeps two pods with one host port apart', () => {
  const running: [Pod, string][] = [[pod('old', { hostPort: 80 }), 'a']]
  expect(placement(pod('new', { hostPort: 80 }), [node('a'), node('b')], running)).toBe('b')
  expect(placement(pod('new', { hostPort: 80 }), [node('a')], running)).toContain("node(s) didn't have free ports")
})

it('counts an init container only where it needs more than the rest, and sidecars always', () => {
  const container = (name: string, cpu: string, more = {}) => ({ name, resources: { requests: { cpu } }, ...more })
  const spec = {
    containers: [container('a', '100m'), container('b', '200m')],
    initContainers: [container('side', '50m', { restartPolicy: 'Always' }), container('init', '500m')],
  }
  expect(podRequests({ spec }).cpu).toBe(550)
  expect(podRequests({ spec: { ...spec, initContainers: [spec.initContainers[0]!] } }).cpu).toBe(350)
})

it('is content with a share of many nodes, and with all of few', () => {
  expect([50, 100, 1000, 5000].map(enoughNodes)).toEqual([50, 100, 420, 500])
})
