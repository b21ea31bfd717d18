import type {
  Device,
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  ResourceClaim,
  ResourceSlice,
  SliceSpec,
} from '#shared/kube/devices.ts'
import { deviceId, poolId } from '#shared/kube/devices.ts'
import type { Surroundings } from '../surroundings.ts'
import { deviceClassOf, extendedClaimOwner, resourcesOf } from './extended-names.ts'

export const driver = 'gpu.example.com'

export const deviceClass = (name = 'gpu', spec: DeviceClass['spec'] = {}): DeviceClass => ({ metadata: { name }, spec })

type Numbers = Record<string, number>

/** A slice with devices `gpu-0` and so on of a node, or those that are given. */
export function slice(
  node: string,
  devices: number | Device[],
  { pool, ...spec }: Omit<SliceSpec, 'devices' | 'pool'> & { pool?: SliceSpec['pool'] } = {},
): ResourceSlice {
  const list = typeof devices === 'number' ? Array.from({ length: devices }, (_, i) => ({ name: `gpu-${i}` })) : devices
  return {
    metadata: { name: `${node}-${pool?.name ?? 'pool'}-${list[0]?.name ?? 'none'}` },
    spec: {
      driver,
      pool: { name: node, generation: 1, resourceSliceCount: 1, ...pool },
      ...(node && !spec.allNodes && !spec.nodeSelector && !spec.perDeviceNodeSelection ? { nodeName: node } : {}),
      ...(spec.sharedCounters ? {} : { devices: list }),
      ...spec,
    },
  }
}

/** A request for `count` devices of the class `gpu`, or what else it says. */
export const request = (name: string, exactly: DeviceRequest['exactly'] = {}): DeviceRequest => ({
  name,
  exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, ...exactly },
})

export function claim(
  name: string,
  requests: DeviceRequest[] = [request('gpu')],
  more: {
    constraints?: DeviceConstraint[]
    status?: ResourceClaim['status']
    metadata?: ResourceClaim['metadata']
  } = {},
): ResourceClaim {
  const { constraints, status, metadata } = more
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', ...metadata },
    spec: { devices: { requests, ...(constraints ? { constraints } : {}) } },
    ...(status ? { status } : {}),
  }
}

/** A claim that has these devices of a pool named like its node. */
export const allocated = (name: string, node: string, ...devices: string[]): ResourceClaim =>
  claim(name, undefined, {
    status: {
      allocation: {
        devices: { results: devices.map((device) => ({ request: 'gpu', driver, pool: node, device })) },
        nodeSelector: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
        },
      },
    },
  })

export const cel = (expression: string) => ({ selectors: [{ cel: { expression } }] })
export const ints = (values: Numbers): NonNullable<Device['attributes']> =>
  Object.fromEntries(Object.entries(values).map(([name, int]) => [name, { int }]))

/** What the scheduler would find in its caches. */
export function deviceSurroundings({
  claims = [],
  slices = [],
  classes = [deviceClass()],
}: {
  claims?: readonly ResourceClaim[]
  slices?: readonly ResourceSlice[]
  classes?: readonly DeviceClass[]
}): Partial<Surroundings> {
  return {
    deviceClaims: {
      get: (key) => claims.find(({ metadata }) => `${metadata?.namespace}/${metadata?.name}` === key),
      on: (id) =>
        claims.filter(({ status }) => status?.allocation?.devices?.results?.some((each) => deviceId(each) === id)),
    },
    extendedClaim: (uid) => claims.find((each) => extendedClaimOwner(each).includes(uid)),
    deviceClass: (name) => classes.find(({ metadata }) => metadata?.name === name),
    classOfResource: (name) => deviceClassOf(classes.filter((each) => resourcesOf(each).includes(name))),
    deviceSlices: {
      reachedFrom: (node) => slices.filter(({ spec }) => !spec?.nodeName || spec.nodeName === node),
      ofPool: (id) => slices.filter(({ spec }) => poolId(spec ?? {}) === id),
    },
  }
}
