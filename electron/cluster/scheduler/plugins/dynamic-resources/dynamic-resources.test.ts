import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { ResourceClaim } from '#shared/kube/devices.ts'
import { ClusterState } from '../../cluster-state.ts'
import type { ClusterEvent } from '../../cluster-event.ts'
import {
  allocated,
  cel,
  claim,
  deviceClass,
  deviceSurroundings,
  driver,
  request,
  slice,
} from '../../devices/testing.ts'
import { PodInfo } from '../../pod-info.ts'
import { emptySurroundings } from '../../surroundings.ts'
import { node, pod, World } from '../../testing.ts'
import { dynamicResources } from './index.ts'

const using = (name: string, ...claims: string[]): Pod =>
  pod(name, { resourceClaims: claims.map((each) => ({ name: each, resourceClaimName: each })) } as never)

type Found = Parameters<typeof deviceSurroundings>[0]
const world = (nodes: string[], found: Found) =>
  new World({ nodes: nodes.map((name) => node(name)), surroundings: deviceSurroundings(found) })

const nothingHelps = (count: number) =>
  `preemption: 0/${count} nodes are available: ${count} Preemption is not helpful for scheduling.`

describe('a pod with a claim', () => {
  it('goes where devices are free for it', () => {
    const slices = [slice('n1', 1), slice('n2', 1)]
    const there = world(['n1', 'n2'], { slices, claims: [claim('c'), allocated('other', 'n1', 'gpu-0')] })
    expect(there.outcome(using('p', 'c'))).toBe('n2')
  })

  it('waits where there are none, in upstream’s words', () => {
    const there = world(['n1', 'n2'], {
      slices: [slice('n1', 1)],
      claims: [claim('c'), allocated('other', 'n1', 'gpu-0')],
    })
    expect(there.decide(using('p', 'c'))).toMatchObject({
      reports: [
        { rejections: [{ plugin: 'DynamicResources', reasons: ['cannot allocate all claims'], unresolvable: true }] },
        {},
      ],
    })
  })

  it('goes where its claim has its devices, whoever else uses them', () => {
    const there = world(['n1', 'n2'], { slices: [slice('n2', 1)], claims: [allocated('c', 'n2', 'gpu-0')] })
    expect([there.outcome(using('p', 'c')), there.outcome(using('q', 'c'))]).toEqual(['n2', 'n2'])
  })

  it('waits for a class that does not exist, and says which', () => {
    const there = world(['n1'], { slices: [slice('n1', 1)], claims: [claim('c')], classes: [] })
    expect(there.decide(using('p', 'c'))).toMatchObject({
      refusal: { plugin: 'DynamicResources', reason: 'request gpu: device class gpu does not exist' },
    })
  })

  it('waits while its claim is just being given devices for another pod', () => {
    const there = world(['n1'], { slices: [slice('n1', 2)], claims: [claim('c')] })
    there.state.deviceClaims.allocate('default/c', allocated('c', 'n1', 'gpu-0'))
    expect(there.decide(using('p', 'c'))).toMatchObject({
      refusal: { reason: 'resource claim default/c is in the process of being allocated' },
    })
  })

  it('gets no device that is just being given to another claim', () => {
    const there = world(['n1'], { slices: [slice('n1', 1)], claims: [claim('a'), claim('b')] })
    const cycle = there.cycle(using('p', 'a'))
    expect(cycle.board.fits(there.state.node('n1')!)).toBe(true)
    cycle.board.reserve(there.state.node('n1')!)
    expect(there.decide(using('q', 'b'))).toMatchObject({ placed: false })
  })

  it('fails, and is not merely refused, where a selector cannot be evaluated', () => {
    const broken = claim('c', [request('gpu', cel(`device.attributes["${driver}"].no == 1`))])
    const there = world(['n1'], { slices: [slice('n1', 1)], claims: [broken] })
    expect(() => there.decide(using('p', 'c'))).toThrow(
      `running "DynamicResources" filter plugin: claim default/c: selector #0 on device ${driver}/n1/gpu-0: CEL runtime error: no such key: no`,
    )
  })

  it('prefers the node that has the alternative which stands first', () => {
    const option = (name: string, size: string) => ({
      name,
      deviceClassName: 'gpu',
      allocationMode: 'ExactCount',
      count: 1,
      ...cel(`device.attributes["${driver}"].size == "${size}"`),
    })
    const wanted = claim('c', [{ name: 'r', firstAvailable: [option('large', 'l'), option('small', 's')] }])
    const sized = (size: string) => [{ name: 'x', attributes: { size: { string: size } } }]
    const there = world(['n1', 'n2'], { slices: [slice('n1', sized('s')), slice('n2', sized('l'))], claims: [wanted] })
    expect(there.decide(using('p', 'c'))).toMatchObject({
      node: { name: 'n2' },
      scores: [{ plugins: { DynamicResources: 100 } }, {}],
    })
  })
})

describe('a pod that fits nowhere', () => {
  const relief = (claims: ResourceClaim[], nodes = ['n1']) => {
    const there = world(nodes, { slices: [slice('n2', 1)], claims })
    const cycle = there.cycle(using('p', 'c'))
    for (const name of nodes) cycle.board.fits(there.state.node(name)!)
    return cycle.board.relieve()?.message
  }
  const reserved = (...uids: string[]): ResourceClaim => {
    const one = allocated('c', 'n2', 'gpu-0')
    return { ...one, status: { ...one.status, reservedFor: uids.map((uid) => ({ resource: 'pods', name: uid, uid })) } }
  }

  it('has a claim given back that leads elsewhere, and that nobody else uses', () => {
    expect(relief([reserved()])).toBe('deallocation of ResourceClaim completed')
    expect(relief([reserved('uid-p')])).toBe('deallocation of ResourceClaim completed')
    expect(relief([reserved('uid-other')])).toBe('still not schedulable')
  })

  it('keeps a claim whose devices are missing altogether', () => {
    expect(relief([claim('c')])).toBe('still not schedulable')
  })

  it('says so of a pod without claims as well', () => {
    const there = world(['n1'], {})
    expect(there.outcome(pod('p', { requests: { cpu: '9' } }))).toBe(
      `0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, ${nothingHelps(1)}`,
    )
  })
})

describe('devices that have to be made ready', () => {
  const bound = (conditions: { type: string; status: string; reason?: string; message?: string }[]): ResourceClaim => {
    const one = allocated('c', 'n1', 'gpu-0')
    const [result] = one.status!.allocation!.devices!.results!
    Object.assign(result!, { bindingConditions: ['Ready'], bindingFailureConditions: ['Broken'] })
    return { ...one, status: { ...one.status, devices: [{ driver, pool: 'n1', device: 'gpu-0', conditions }] } }
  }
  const outcome = (one: ResourceClaim) =>
    world(['n1'], { slices: [slice('n1', 1)], claims: [one] }).decide(using('p', 'c'))

  it('are waited for on their node, until they have failed', () => {
    expect(outcome(bound([]))).toMatchObject({ placed: true })
    expect(outcome(bound([{ type: 'Broken', status: 'True', reason: 'r', message: 'm' }]))).toMatchObject({
      reports: [{ rejections: [{ reasons: ['resourceclaim not available on the node'] }] }],
    })
  })
})

describe('extended resources', () => {
  const classes = [deviceClass('gpu', { extendedResourceName: 'example.com/gpu' })]
  const asking = (resource: string, count = '1') => pod('p', { requests: { cpu: '1', [resource]: count } })
  it.each(['example.com/gpu', 'deviceclass.resource.kubernetes.io/gpu'])('stand for devices of a class: %s', (name) => {
    const there = world(['n1', 'n2'], { slices: [slice('n2', 2)], classes })
    expect(there.outcome(asking(name, '2'))).toBe('n2')
    expect(there.decide(asking(name, '3'))).toMatchObject({ placed: false })
  })

  it('are a node’s own where it has some', () => {
    const surroundings = deviceSurroundings({ classes })
    const own = node('n1', { allocatable: { 'example.com/gpu': '1' } })
    expect(new World({ nodes: [own, node('n2')], surroundings }).outcome(asking('example.com/gpu'))).toBe('n1')
  })

  it('of no class have to be a node’s own', () => {
    const there = world(['n1'], { slices: [slice('n1', 1)] })
    expect(there.outcome(asking('example.com/gpu'))).toContain('1 Insufficient example.com/gpu.')
  })
})

describe('a pod is not tried', () => {
  const gate = (wanted: Pod, claims: ResourceClaim[] = []) => {
    const state = new ClusterState({ ...emptySurroundings, ...deviceSurroundings({ claims }) })
    return dynamicResources.gate!(new PodInfo(wanted), state)
  }
  const generated = (statuses?: object[]): Pod => ({
    ...pod('p', { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] } as never),
    ...(statuses ? { status: { resourceClaimStatuses: statuses } as never } : {}),
  })

  it('before its claims are there', () => {
    expect(gate(using('p', 'c'))).toBe('could not find ResourceClaim "default/c"')
    expect(gate(generated())).toBe('pod "default/p": ResourceClaim not created yet')
    expect(gate(pod('p'))).toBeUndefined()
    expect(gate(using('p', 'c'), [claim('c')])).toBeUndefined()
  })

  it('with a claim that is not its own, or that is going', () => {
    const named = generated([{ name: 'gpu', resourceClaimName: 'p-gpu-x' }])
    expect(gate(named, [claim('p-gpu-x')])).toBe(
      'ResourceClaim default/p-gpu-x was not created for pod default/p (pod is not owner)',
    )
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'uid-p', controller: true }
    expect(gate(named, [claim('p-gpu-x', undefined, { metadata: { ownerReferences: [owner] } })])).toBeUndefined()
    const going = claim('c', undefined, { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })
    expect(gate(using('p', 'c'), [going])).toBe('resourceclaim "c" is being deleted')
  })

  it('and does without a claim that it does not need', () => {
    expect(gate(generated([{ name: 'gpu' }]))).toBeUndefined()
  })
})

it('is woken by its own claims, by devices that are given back, by new devices and classes', () => {
  const info = new PodInfo(using('p', 'c'))
  const wakes = (event: ClusterEvent) => dynamicResources.mayHelp!(event, info)
  const [free, taken] = [claim('c'), allocated('c', 'n1', 'gpu-0')]
  expect([
    wakes({ kind: 'resource claim changed', claim: free }),
    wakes({ kind: 'resource claim changed', claim: taken, old: free }),
    wakes({
      kind: 'resource claim changed',
      claim: { ...free, metadata: { ...free.metadata, labels: {} } },
      old: free,
    }),
    wakes({ kind: 'resource claim changed', claim: claim('other') }),
    wakes({ kind: 'resource claim changed', claim: claim('other'), old: allocated('other', 'n1', 'gpu-0') }),
    wakes({ kind: 'resource claim gone', claim: allocated('other', 'n1', 'gpu-0') }),
    wakes({ kind: 'resource claim gone', claim: claim('other') }),
    wakes({ kind: 'resource slice changed', slice: slice('n1', 1) }),
    wakes({ kind: 'device class changed', deviceClass: deviceClass() }),
  ]).toEqual([true, true, false, false, true, true, false, true, true])
})
