import type { KubeObject } from '../object.ts'
import { compareQuantities, parseQuantity, quantityOf, scaledValue, type Quantity } from '../quantity.ts'
import { addTo, amountsOf, podAmounts, type Amounts } from './amounts.ts'
import { deviceUsage } from './devices.ts'
import type { Claim, Container, Pod } from './types.ts'

const one = quantityOf(1)

type Usage = (object: KubeObject, now: number) => Amounts

/** cpu and memory go by two names each, extended resources by one. Source: podComputeUsageHelper. */
export function computeUsage(requests: Amounts, limits: Amounts): Map<string, Quantity> {
  const usage = new Map<string, Quantity>()
  for (const [name, amount] of requests) {
    if (['cpu', 'memory', 'ephemeral-storage'].includes(name) || name.startsWith('hugepages-')) usage.set(name, amount)
    usage.set(`requests.${name}`, amount)
  }
  for (const [name, amount] of limits) {
    if (['cpu', 'memory', 'ephemeral-storage'].includes(name)) usage.set(`limits.${name}`, amount)
  }
  return usage
}

const justAPod: Amounts = new Map([['count/pods', one]])
/** Pods that have run to their end, or that nobody can end, hold nothing but their name. */
function podUsage(object: KubeObject, now: number): Amounts {
  const pod = object as Pod
  if (!isHolding(pod, now)) return justAPod
  const usage = new Map([...justAPod, ['pods', one]] as const)
  addTo(usage, computeUsage(podAmounts(pod.spec, 'requests'), podAmounts(pod.spec, 'limits')))
  return usage
}

function isHolding(pod: Pod, now: number): boolean {
  const { phase } = pod.status ?? {}
  const released = releasedAt(pod)
  return phase !== 'Succeeded' && phase !== 'Failed' && (released === undefined || released >= now)
}

/** When a pod that is being deleted is given up (milliseconds): its node may be lost. Undefined when it is not. */
export function releasedAt({ metadata }: Pod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds: grace } = metadata ?? {}
  return deletionTimestamp === undefined || grace === undefined
    ? undefined
    : Date.parse(deletionTimestamp) + grace * 1000
}

type Service = KubeObject & {
  spec?: { type?: string; allocateLoadBalancerNodePorts?: boolean; ports?: { nodePort?: number }[] }
}

function serviceUsage(object: KubeObject): Amounts {
  const { spec } = object as Service
  const usage = new Map([
    ['count/services', one],
    ['services', one],
  ])
  const ports = spec?.ports ?? []
  if (spec?.type === 'NodePort') usage.set('services.nodeports', quantityOf(ports.length))
  if (spec?.type === 'LoadBalancer') {
    usage.set('services.loadbalancers', one)
    const counted = spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => nodePort) : ports
    usage.set('services.nodeports', quantityOf(counted.length))
  }
  return usage
}

/** Storage is counted in whole bytes. */
const wholeBytes = (text: string): Quantity => {
  const quantity = parseQuantity(text)
  const whole = quantityOf(scaledValue(quantity, 0), quantity.format)
  return compareQuantities(whole, quantity) === 0 ? quantity : whole
}

/** What was asked for, or what a volume that could not grow has taken, whichever is more. */
function storageOf({ spec, status }: Claim): Quantity | undefined {
  const asked = spec?.resources?.requests?.['storage']
  if (asked === undefined) return undefined
  const taken = status?.allocatedResources?.['storage']
  const [request, allocated] = [wholeBytes(asked), wholeBytes(taken ?? '0')]
  return compareQuantities(allocated, request) > 0 ? allocated : request
}

function claimUsage(object: KubeObject): Amounts {
  const claim = object as Claim
  const usage = new Map([
    ['count/persistentvolumeclaims', one],
    ['persistentvolumeclaims', one],
  ])
  const storage = storageOf(claim)
  if (storage) usage.set('requests.storage', storage)
  const storageClass =
    claim.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName
  if (storageClass) {
    const prefix = `${storageClass}.storageclass.storage.k8s.io`
    usage.set(`${prefix}/persistentvolumeclaims`, one)
    if (storage) usage.set(`${prefix}/requests.storage`, storage)
  }
  return usage
}

/** Kinds of which an object uses more than its name. */
const namedUsage: Readonly<Record<string, Usage>> = {
  pods: podUsage,
  services: serviceUsage,
  persistentvolumeclaims: claimUsage,
  'resourceclaims.resource.k8s.io': deviceUsage,
}
const countedByName = new Set(['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas'])

interface Kind {
  readonly group: string
  readonly plural: string
}

/** `deployments.apps`, `pods`. */
export const idOf = ({ group, plural }: Kind): string => (group ? `${plural}.${group}` : plural)

/** What one object of the kind uses up at a time (milliseconds). */
export function usageOf(kind: Kind): Usage {
  const id = idOf(kind)
  const named = namedUsage[id]
  if (named) return named
  const usage = new Map([[`count/${id}`, one]])
  if (countedByName.has(id)) usage.set(id, one)
  return () => usage
}

/** Whether every object of the kind uses the same: then counting them will do. */
export const isCounted = (kind: Kind): boolean => !(idOf(kind) in namedUsage)

const podResources =
  /^(pods|cpu|memory|ephemeral-storage|(requests|limits)\.(cpu|memory|ephemeral-storage)|(requests\.)?hugepages-.+)$/

/** Which kind of objects uses up what a quota limits by this name; undefined when nothing does. */
export function trackedKind(name: string): Kind | undefined {
  if (name.startsWith('count/')) {
    const [plural = '', ...group] = name.slice('count/'.length).split('.')
    return { group: group.join('.'), plural }
  }
  if (countedByName.has(name)) return { group: '', plural: name }
  if (podResources.test(name)) return { group: '', plural: 'pods' }
  if (name === 'services' || name === 'services.nodeports' || name === 'services.loadbalancers')
    return { group: '', plural: 'services' }
  if (/(^|\.storageclass\.storage\.k8s\.io\/)(persistentvolumeclaims|requests\.storage)$/.test(name))
    return { group: '', plural: 'persistentvolumeclaims' }
  if (name.endsWith('.deviceclass.resource.k8s.io/devices'))
    return { group: 'resource.k8s.io', plural: 'resourceclaims' }
  // Extended resources can be asked for, and nothing else.
  return /^requests\.[^/]+\/.+/.test(name) ? { group: '', plural: 'pods' } : undefined
}

const mustBeGiven = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'])

/** Where cpu or memory have a quota, every container must say what it takes. Source: podEvaluator.Constraints. */
export function unspecified(pod: Pod, limited: readonly string[]): string | undefined {
  const required = limited.filter((name) => mustBeGiven.has(name))
  const missing = new Map<string, Set<string>>()
  const check = ({ name = '', resources }: Container) => {
    const given = computeUsage(amountsOf(resources?.requests), amountsOf(resources?.limits))
    for (const each of required) if (!given.has(each)) missing.set(each, (missing.get(each) ?? new Set()).add(name))
  }
  for (const container of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]) check(container)
  if (!missing.size) return undefined
  const texts = [...missing.keys()].sort().map((name) => `${name} for: ${[...missing.get(name)!].sort().join(',')}`)
  return `must specify ${texts.join('; ')}`
}
