import type { Node, NodeSelector, NodeSelectorRequirement } from 'kubernetes-types/core/v1'
import type { Allocation, DeviceResult, ResourceClaim } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { formatQuantity } from '#shared/kube/quantity.ts'
import { fullName, type Capacities } from './capacity.ts'
import type { PooledDevice } from './pools.ts'
import type { Option } from './requests.ts'

/** A device, what it was chosen for, and what is taken of it where others may have a share too. */
export interface Chosen {
  readonly option: Option
  readonly device: PooledDevice
  readonly consumed?: Capacities
}

/** What was chosen for a claim, as its status says it; shares get their ids when it is written ({@link withShareIds}). */
export function allocationOf(claim: Frozen<ResourceClaim>, chosen: readonly Chosen[], node: Frozen<Node>): Allocation {
  const config = configOf(claim, chosen)
  const nodeSelector = nodeSelectorOf(chosen, node)
  return {
    devices: { results: chosen.map(resultOf), ...(config.length ? { config } : {}) },
    ...(nodeSelector ? { nodeSelector } : {}),
  }
}

export const withShareIds = ({ devices, ...rest }: Allocation, newId: () => string): Allocation => ({
  ...rest,
  devices: {
    ...devices,
    results: (devices?.results ?? []).map((each) => (each.shareID === '' ? { ...each, shareID: newId() } : each)),
  },
})

function resultOf({ option, device: { device, driver, slice }, consumed }: Chosen): DeviceResult {
  const { tolerations, adminAccess } = option.request
  const { bindingConditions, bindingFailureConditions } = device
  return {
    request: option.name,
    driver,
    pool: slice.pool?.name ?? '',
    device: device.name ?? '',
    ...(adminAccess ? { adminAccess } : {}),
    ...(tolerations?.length ? { tolerations: copy(tolerations) } : {}),
    ...(bindingConditions?.length ? { bindingConditions: [...bindingConditions] } : {}),
    ...(bindingFailureConditions?.length ? { bindingFailureConditions: [...bindingFailureConditions] } : {}),
    ...(consumed ? { shareID: '' } : {}),
    ...(consumed?.size ? { consumedCapacity: written(consumed, device.capacity ?? {}, driver) } : {}),
  }
}

const copy = <T>(value: T): Mutable<T> => structuredClone(value) as Mutable<T>
type Mutable<T> = T extends readonly (infer U)[] ? Mutable<U>[] : { -readonly [K in keyof T]: T[K] }

/** Under the names that the device has for them. */
function written(consumed: Capacities, published: object, driver: string): Record<string, string> {
  const names = Object.keys(published).filter((name) => consumed.has(fullName(name, driver)))
  return Object.fromEntries(names.map((name) => [name, formatQuantity(consumed.get(fullName(name, driver))!)]))
}

type Config = NonNullable<NonNullable<Allocation['devices']>['config']>

/** That of the classes first, each once; then that of the claim which concerns what was chosen. */
function configOf({ spec }: Frozen<ResourceClaim>, chosen: readonly Chosen[]): Config {
  const { requests, config = [] } = spec?.devices ?? {}
  const options = [...new Set(chosen.map(({ option }) => option))]
  const classes = [...new Set(options.map(({ deviceClass }) => deviceClass))]
  const fromClasses = classes.flatMap((deviceClass) =>
    (deviceClass.spec?.config ?? []).map(({ opaque }) => ({
      source: 'FromClass',
      requests: options.filter((each) => each.deviceClass === deviceClass).map(({ name }) => name),
      ...(opaque ? { opaque: structuredClone(opaque) } : {}),
    })),
  )
  const fromClaim = config.flatMap(({ requests: wanted = [], opaque }) => {
    const made = { source: 'FromClaim', requests: [...wanted], ...(opaque ? { opaque: structuredClone(opaque) } : {}) }
    if (!wanted.length) return [made]
    return options.filter(({ names }) => names.some((name) => wanted.includes(name))).map(() => ({ ...made }))
  })
  // What concerns all of them names none.
  return [...fromClasses, ...fromClaim].map(({ requests: names, ...rest }) =>
    names.length && names.length !== requests?.length ? { ...rest, requests: names } : rest,
  )
}

/** Where else the devices can be reached from; undefined: from everywhere. */
function nodeSelectorOf(chosen: readonly Chosen[], { metadata }: Frozen<Node>): NodeSelector | undefined {
  const fields: NodeSelectorRequirement[] = []
  const expressions: NodeSelectorRequirement[] = []
  for (const { device } of chosen) {
    const { nodeName, nodeSelector } = device.slice.perDeviceNodeSelection ? device.device : device.slice
    if (nodeName || device.device.bindsToNode) {
      const name = { key: 'metadata.name', operator: 'In', values: [metadata?.name ?? ''] }
      return { nodeSelectorTerms: [{ matchFields: [name] }] }
    }
    const [term] = nodeSelector?.nodeSelectorTerms ?? []
    addNew(fields, term?.matchFields ?? [])
    addNew(expressions, term?.matchExpressions ?? [])
  }
  if (!fields.length && !expressions.length) return undefined
  const term = {
    ...(expressions.length ? { matchExpressions: expressions } : {}),
    ...(fields.length ? { matchFields: fields } : {}),
  }
  return { nodeSelectorTerms: [term] }
}

function addNew(to: NodeSelectorRequirement[], from: readonly Frozen<NodeSelectorRequirement>[]): void {
  const textOf = ({ key, operator, values = [] }: Frozen<NodeSelectorRequirement>) =>
    JSON.stringify([key, operator, [...values].sort()])
  for (const { key, operator, values } of from)
    if (!to.some((each) => textOf(each) === textOf({ key, operator, values } as NodeSelectorRequirement)))
      to.push({ key, operator, ...(values ? { values: [...values] } : {}) })
}
