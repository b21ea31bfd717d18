import { describe, expect, it } from 'vitest'
import type { Device, DeviceClass, ResourceClaim, ResourceSlice } from '#shared/kube/devices.ts'
import { node } from '../testing.ts'
import { allocate } from './allocator.ts'
import { Selectors } from './selectors.ts'
import { allocated, cel, claim, deviceClass, deviceSurroundings, driver, ints, request, slice } from './testing.ts'
import { Usage } from './usage.ts'

interface Given {
  slices: ResourceSlice[]
  classes?: DeviceClass[]
  taken?: ResourceClaim[]
  on?: ReturnType<typeof node>
  steps?: number
}

function result(claims: ResourceClaim[], { slices, classes, taken = [], on = node('n1'), steps = 10_000 }: Given) {
  const {
    deviceClass: find,
    deviceSlices,
    deviceClaims,
  } = deviceSurroundings({
    claims: taken,
    slices,
    ...(classes ? { classes } : {}),
  })
  let left = steps
  return allocate(on, claims, {
    deviceClass: find!,
    slices: deviceSlices!,
    selectors: new Selectors(),
    usage: new Usage((id) => deviceClaims!.on(id)),
    step: () => left-- > 0,
  })
}

/** The devices of each claim as `request:device`, or why there are none. */
function outcome(claims: ResourceClaim[], given: Given): string | string[] {
  const found = result(claims, given)
  if ('reason' in found) return found.reason
  return found.allocations.map(({ devices }) =>
    (devices?.results ?? []).map(({ request: name, device }) => `${name}:${device}`).join(' '),
  )
}

const none = 'cannot allocate all claims'
const device = (name: string, more: Omit<Device, 'name'> = {}): Device => ({ name, ...more })

describe('a claim', () => {
  it('gets as many devices as it asks for, the first that are free, and only from its node', () => {
    const slices = [slice('n1', 3), slice('n2', 9)]
    expect(outcome([claim('c', [request('gpu', { count: 2 })])], { slices })).toEqual(['gpu:gpu-0 gpu:gpu-1'])
    expect(outcome([claim('c', [request('gpu', { count: 4 })])], { slices })).toBe(none)
    const taken = [allocated('other', 'n1', 'gpu-0')]
    expect(outcome([claim('c', [request('gpu', { count: 2 })])], { slices, taken })).toEqual(['gpu:gpu-1 gpu:gpu-2'])
  })

  it('shares no device with another claim of the same pod', () => {
    expect(outcome([claim('a'), claim('b')], { slices: [slice('n1', 2)] })).toEqual(['gpu:gpu-0', 'gpu:gpu-1'])
    expect(outcome([claim('a'), claim('b')], { slices: [slice('n1', 1)] })).toBe(none)
  })

  it('leaves a device that it could have to another request that has no choice', () => {
    const slices = [slice('n1', [device('big', { attributes: ints({ size: 2 }) }), device('small')])]
    const picky = request('picky', cel(`has(device.attributes["${driver}"].size)`))
    expect(outcome([claim('c', [request('any'), picky])], { slices })).toEqual(['any:small picky:big'])
  })

  it('is restricted to its node in the result, with configuration of class and claim', () => {
    const opaque = { driver, parameters: { kind: 'x' } }
    const classes = [deviceClass('gpu', { config: [{ opaque }] })]
    const wanted = claim('c', [request('a'), request('b')])
    wanted.spec!.devices!.config = [{ requests: ['b'], opaque }]
    const found = result([wanted], { slices: [slice('n1', 2)], classes })
    expect(found).toMatchObject({
      allocations: [
        {
          devices: {
            results: [
              { request: 'a', driver, pool: 'n1', device: 'gpu-0' },
              { request: 'b', driver, pool: 'n1', device: 'gpu-1' },
            ],
            config: [
              { source: 'FromClass', opaque },
              { source: 'FromClaim', requests: ['b'], opaque },
            ],
          },
          nodeSelector: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }],
          },
        },
      ],
    })
  })

  it('may have no more than 32 devices', () => {
    const slices = [slice('n1', 40)]
    expect(() => outcome([claim('c', [request('gpu', { count: 33 })])], { slices })).toThrow(
      'claim default/c: number of requested devices 33 exceeds the claim limit of 32',
    )
  })

  it('is given up after so many steps', () => {
    const slices = [slice('n1', 20)]
    const constraints = [{ matchAttribute: `${driver}/missing` }]
    expect(outcome([claim('c', undefined, { constraints })], { slices, steps: 5 })).toBe(
      'timed out trying to allocate devices',
    )
  })
})

describe('selectors', () => {
  const attributes = { model: { string: 'a100' }, [`${driver}/memory`]: { int: 80 }, ok: { bool: true } }
  const slices = [
    slice('n1', [
      device('old', { attributes: { model: { string: 'v100' }, version: { version: '1.9.0' } } }),
      device('new', {
        attributes: { ...attributes, version: { version: '1.10.0' }, 'pci.io/root': { string: '0' } },
        capacity: { memory: { value: '40Gi' } },
      }),
    ]),
  ]
  it.each([
    [`device.driver == "${driver}" && device.attributes["${driver}"].model == "a100"`],
    [`has(device.attributes["${driver}"].memory) && device.attributes["${driver}"].memory >= 80`],
    [`device.capacity["${driver}"].?memory.orValue(quantity("0")).compareTo(quantity("20Gi")) > 0`],
    [`device.attributes["${driver}"].version.isGreaterThan(semver("1.9.0"))`],
    [`"pci.io" in device.attributes`],
    [`has(device.attributes["pci.io"].root)`],
    [`device.attributes["${driver}"].?ok.orValue(false)`],
  ])('choose by %s', (expression) => {
    expect(outcome([claim('c', [request('gpu', cel(expression))])], { slices })).toEqual(['gpu:new'])
  })

  it('of the class and of the request both have to be true', () => {
    const classes = [deviceClass('gpu', cel(`device.attributes["${driver}"].model == "v100"`))]
    expect(outcome([claim('c')], { slices, classes })).toEqual(['gpu:old'])
    const wanted = request('gpu', cel(`device.attributes["${driver}"].model == "a100"`))
    expect(outcome([claim('c', [wanted])], { slices, classes })).toBe(none)
  })

  it('that fail stop the search and name the device', () => {
    const wanted = request('gpu', cel(`device.attributes["${driver}"].nothing == 1`))
    expect(() => outcome([claim('c', [wanted])], { slices })).toThrow(
      `claim default/c: selector #0 on device ${driver}/n1/old: CEL runtime error: no such key: nothing`,
    )
  })
})

describe('all devices', () => {
  const all = (more: object = {}) => request('gpu', { allocationMode: 'All', ...more })
  it('are those that match; one that is taken leaves none', () => {
    const slices = [slice('n1', 3)]
    expect(outcome([claim('c', [all()])], { slices })).toEqual(['gpu:gpu-0 gpu:gpu-1 gpu:gpu-2'])
    expect(outcome([claim('c', [all()])], { slices, taken: [allocated('x', 'n1', 'gpu-1')] })).toBe(none)
    expect(outcome([claim('c', [all(cel('false'))])], { slices })).toBe(none)
  })

  it('are not known while a pool is being updated', () => {
    const slices = [slice('n1', 1, { pool: { resourceSliceCount: 2 } })]
    expect(() => outcome([claim('c', [all()])], { slices })).toThrow(
      `claim default/c, request gpu: asks for all devices, but resource pool ${driver}/n1 is currently being updated`,
    )
  })
})

describe('alternatives', () => {
  const option = (name: string, more: object) => ({
    name,
    deviceClassName: 'gpu',
    allocationMode: 'ExactCount',
    ...more,
  })
  const either = { name: 'r', firstAvailable: [option('two', { count: 2 }), option('one', { count: 1 })] }

  it('are tried in their order', () => {
    expect(outcome([claim('c', [either])], { slices: [slice('n1', 2)] })).toEqual(['r/two:gpu-0 r/two:gpu-1'])
    expect(outcome([claim('c', [either])], { slices: [slice('n1', 1)] })).toEqual(['r/one:gpu-0'])
  })

  it('give way where a later request would get nothing', () => {
    expect(outcome([claim('c', [either, request('x')])], { slices: [slice('n1', 2)] })).toEqual(['r/one:gpu-0 x:gpu-1'])
  })
})

describe('constraints', () => {
  const slices = [
    slice('n1', [
      device('a0', { attributes: { root: { string: 'a' } } }),
      device('b0', { attributes: { root: { string: 'b' } } }),
      device('b1', { attributes: { [`${driver}/root`]: { string: 'b' } } }),
      device('plain'),
    ]),
  ]
  const two = [request('x'), request('y')]

  it('want one value of an attribute for all', () => {
    const constraints = [{ matchAttribute: `${driver}/root` }]
    expect(outcome([claim('c', two, { constraints })], { slices })).toEqual(['x:b0 y:b1'])
    expect(outcome([claim('c', [...two, request('z')], { constraints })], { slices })).toBe(none)
  })

  it('or another value for each', () => {
    const constraints = [{ distinctAttribute: `${driver}/root` }]
    expect(outcome([claim('c', two, { constraints })], { slices })).toEqual(['x:a0 y:b0'])
  })

  it('leave requests alone that they do not name', () => {
    const constraints = [{ requests: ['y'], matchAttribute: `${driver}/missing` }]
    expect(outcome([claim('c', [request('x')], { constraints })], { slices })).toEqual(['x:a0'])
  })
})

describe('taints', () => {
  const sick = { taints: [{ key: 'sick', value: 'yes', effect: 'NoSchedule' }] }
  const slices = [slice('n1', [device('bad', sick)])]
  it('keep a device from who does not tolerate them', () => {
    const tolerating = (toleration: object) => [claim('c', [request('gpu', { tolerations: [toleration] })])]
    expect(outcome([claim('c')], { slices })).toBe(none)
    expect(outcome(tolerating({ key: 'sick', operator: 'Exists' }), { slices })).toEqual(['gpu:bad'])
    expect(outcome(tolerating({ key: 'sick', operator: 'Equal', value: 'no' }), { slices })).toBe(none)
    const note = [slice('n1', [device('fine', { taints: [{ key: 'sick', effect: 'None' }] })])]
    expect(outcome([claim('c')], { slices: note })).toEqual(['gpu:fine'])
  })
})

describe('admin access', () => {
  it('is to devices that others have, and takes them from nobody', () => {
    const admin = request('all', { allocationMode: 'All', adminAccess: true })
    const taken = [allocated('other', 'n1', 'gpu-0')]
    const found = result([claim('c', [admin])], { slices: [slice('n1', 1)], taken })
    expect(found).toMatchObject({ allocations: [{ devices: { results: [{ device: 'gpu-0', adminAccess: true }] } }] })
    const watching = allocated('admin', 'n1', 'gpu-0')
    watching.status!.allocation!.devices!.results![0]!.adminAccess = true
    expect(outcome([claim('c')], { slices: [slice('n1', 1)], taken: [watching] })).toEqual(['gpu:gpu-0'])
  })
})

describe('pools', () => {
  it('count in their newest generation alone, also where that has nothing for the node', () => {
    const old = slice('n1', [device('old')])
    const now = (node: string) => slice(node, [device('new')], { pool: { name: 'n1', generation: 2 } })
    expect(outcome([claim('c')], { slices: [old, now('n1')] })).toEqual(['gpu:new'])
    expect(outcome([claim('c')], { slices: [old, now('n2')] })).toBe(none)
  })

  it('give nothing while slices are missing, or when two devices have one name', () => {
    expect(outcome([claim('c')], { slices: [slice('n1', 1, { pool: { resourceSliceCount: 2 } })] })).toBe(none)
    expect(outcome([claim('c')], { slices: [slice('n1', [device('x'), device('x')])] })).toBe(
      'invalid resource pools were encountered',
    )
  })

  it('are reached from everywhere, from nodes by label, or device by device', () => {
    const zone = (value: string) => ({
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [value] }] }],
    })
    const here = node('n1', { labels: { zone: 'a' } })
    const everywhere = result([claim('c')], { slices: [slice('net', 1, { allNodes: true })], on: here })
    expect(everywhere).toEqual({
      allocations: [{ devices: { results: [{ request: 'gpu', driver, pool: 'net', device: 'gpu-0' }] } }],
    })
    const inZone = (value: string) =>
      result([claim('c')], { slices: [slice('net', 1, { nodeSelector: zone(value) })], on: here })
    expect(inZone('b')).toEqual({ reason: none })
    expect(inZone('a')).toMatchObject({ allocations: [{ nodeSelector: zone('a') }] })
    const mixed = slice('net', [device('far', { nodeName: 'n2' }), device('near', { nodeSelector: zone('a') })], {
      perDeviceNodeSelection: true,
    })
    expect(outcome([claim('c')], { slices: [mixed], on: here })).toEqual(['gpu:near'])
  })
})

describe('partitions', () => {
  const pool = { name: 'n1', resourceSliceCount: 2 }
  const consuming = (memory: string) => ({
    consumesCounters: [{ counterSet: 'card', counters: { memory: { value: memory } } }],
  })
  const counters = slice('n1', 0, {
    pool,
    sharedCounters: [{ name: 'card', counters: { memory: { value: '40Gi' } } }],
  })
  const devices = [
    device('whole', consuming('40Gi')),
    device('half-0', consuming('20Gi')),
    device('half-1', consuming('20Gi')),
  ]
  const slices = [counters, slice('n1', devices, { pool })]

  it('take of what their card has', () => {
    expect(outcome([claim('a'), claim('b')], { slices })).toEqual(['gpu:half-0', 'gpu:half-1'])
    expect(outcome([claim('c')], { slices, taken: [allocated('x', 'n1', 'half-1')] })).toEqual(['gpu:half-0'])
    expect(outcome([claim('c')], { slices, taken: [allocated('x', 'n1', 'whole')] })).toBe(none)
  })

  it('count where another node has them too', () => {
    const far = slice('n2', [device('far', consuming('30Gi'))], { pool: { name: 'n1', resourceSliceCount: 3 } })
    const all = [{ ...counters }, slice('n1', devices, { pool }), far].map(({ metadata, spec }) => ({
      metadata,
      spec: { ...spec, pool: { ...spec!.pool, resourceSliceCount: 3 } },
    })) as ResourceSlice[]
    expect(outcome([claim('c')], { slices: all, taken: [allocated('x', 'n1', 'far')] })).toBe(none)
  })

  it('of counters that nobody has published spoil their pool', () => {
    const wrong = [slice('n1', [device('x', consuming('1Gi'))])]
    expect(outcome([claim('c')], { slices: wrong })).toBe('invalid resource pools were encountered')
  })
})

describe('shares', () => {
  const shared = (requestPolicy: object = {}) => [
    slice('n1', [
      device('nic', { allowMultipleAllocations: true, capacity: { bandwidth: { value: '10', requestPolicy } } }),
    ]),
  ]
  const asking = (name: string, bandwidth?: string) =>
    claim(name, [request('gpu', bandwidth === undefined ? {} : { capacity: { requests: { bandwidth } } })])
  const consumed = (claims: ResourceClaim[], slices: ResourceSlice[], taken: ResourceClaim[] = []) => {
    const found = result(claims, { slices, taken })
    if ('reason' in found) return found.reason
    return found.allocations.map(({ devices }) => devices?.results?.[0]?.consumedCapacity?.['bandwidth'])
  }

  it('of a device are given out until there is no more of it', () => {
    expect(consumed([asking('a', '6'), asking('b', '4')], shared())).toEqual(['6', '4'])
    expect(consumed([asking('a', '6'), asking('b', '5')], shared())).toBe(none)
    const taken = allocated('x', 'n1', 'nic')
    Object.assign(taken.status!.allocation!.devices!.results![0]!, {
      shareID: 's',
      consumedCapacity: { bandwidth: '7' },
    })
    expect(consumed([asking('a', '4')], shared(), [taken])).toBe(none)
    expect(consumed([asking('a', '3')], shared(), [taken])).toEqual(['3'])
  })

  it('are rounded as the device wants it, and are all of it where nothing else is said', () => {
    expect(consumed([asking('a')], shared())).toEqual(['10'])
    expect(consumed([asking('a')], shared({ default: '2' }))).toEqual(['2'])
    const range = { default: '2', validRange: { min: '2', max: '8', step: '3' } }
    expect([consumed([asking('a', '1')], shared(range)), consumed([asking('a', '3')], shared(range))]).toEqual([
      ['2'],
      ['5'],
    ])
    expect(consumed([asking('a', '9')], shared(range))).toBe(none)
    expect(consumed([asking('a', '3')], shared({ default: '1', validValues: ['1', '4'] }))).toEqual(['4'])
    expect(consumed([asking('a', '5')], shared({ default: '1', validValues: ['1', '4'] }))).toBe(none)
  })

  it('are asked of capacity that the device has', () => {
    const wanted = claim('c', [request('gpu', { capacity: { requests: { memory: '1' } } })])
    expect(outcome([wanted], { slices: shared() })).toBe(none)
  })
})
