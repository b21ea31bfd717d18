import type { Container } from 'kubernetes-types/core/v1'
import { extendedClaimAnnotation, type DeviceRequest } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import type { ExtendedClaimStatus } from '#shared/kube/pod-claims.ts'
import { parseQuantity, valueOf } from '#shared/kube/quantity.ts'
import type { ClusterState } from '../../cluster-state.ts'
import type { NodeInfo } from '../../node-info.ts'
import type { PodInfo } from '../../pod-info.ts'
import type { Claim } from './claims.ts'

/** Extended resources that a pod asks for and that stand for devices of a class. */
export interface ExtendedResources {
  /** The name of the class by the resource. */
  readonly classes: ReadonlyMap<string, string>
  /** A claim that was made for them in an attempt that failed. */
  readonly stale: Claim | undefined
}

export type Mappings = ExtendedClaimStatus['requestMappings']

/** Undefined where the pod asks for none. */
export function extendedOf({ uid, requests }: PodInfo, { surroundings }: ClusterState): ExtendedResources | undefined {
  const classes = new Map<string, string>()
  for (const [resource, amount] of requests.others) {
    const deviceClass = amount > 0 ? surroundings.classOfResource(resource) : undefined
    if (deviceClass) classes.set(resource, deviceClass.metadata?.name ?? '')
  }
  return classes.size ? { classes, stale: surroundings.extendedClaim(uid) } : undefined
}

/** Not a name that any claim can have: it has none until it is made. */
export const extendedKey = ({ namespace, uid }: PodInfo): string => `${namespace}/<extended-resources> ${uid}`

/** The claim for what the node itself has none of, as it would be made; undefined where that is nothing. */
export function extendedClaimOn(
  pod: PodInfo,
  { classes }: ExtendedResources,
  { allocatable }: NodeInfo,
): { readonly claim: Claim; readonly mappings: Mappings } | undefined {
  const lacking = [...classes].filter(([resource]) => !allocatable.others.get(resource))
  if (!lacking.length) return undefined
  const parts = lacking.sort(([a], [b]) => (a < b ? -1 : 1)).map(([resource, name]) => requestsFor(pod, resource, name))
  const requests = parts.flatMap((part) => part.requests)
  requests.sort((a, b) => (a.name! < b.name! ? -1 : 1))
  const owner = { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid, controller: true }
  const metadata = {
    namespace: pod.namespace,
    generateName: `${pod.name}-extended-resources-`,
    annotations: { [extendedClaimAnnotation]: 'true' },
    ownerReferences: [owner],
  }
  return {
    claim: { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata, spec: { devices: { requests } } },
    mappings: parts.flatMap((part) => part.mappings),
  }
}

type Mapping = Mappings[number]
type Asked = { readonly name: string; readonly count: number }

/**
 * A request for each container that stays, and one for all that only come first, as far as they cannot use what later
 * ones will have. Source: createRequestsAndMappings.
 */
function requestsFor(
  { pod }: PodInfo,
  resource: string,
  className: string,
): { readonly requests: DeviceRequest[]; readonly mappings: Mapping[] } {
  const early = pod.spec?.initContainers ?? []
  const containers = [...early, ...(pod.spec?.containers ?? [])]
  const goes = (i: number) =>
    i < early.length && (containers[i] as { restartPolicy?: string }).restartPolicy !== 'Always'
  const mapped = (i: number, requestName: string): Mapping => ({
    containerName: containers[i]!.name,
    resourceName: resource,
    requestName,
  })
  const mappings: Mapping[] = []
  const staying = containers.map((container, i): Asked | undefined => {
    const count = goes(i) ? 0 : countOf(container, resource)
    if (!count) return undefined
    const name = requestName(i, container, resource)
    mappings.push(mapped(i, name))
    return { name, count }
  })
  let most: Asked | undefined
  const before: { i: number; name: string; isOwn: boolean }[] = []
  for (const [i, container] of containers.entries()) {
    let count = goes(i) ? countOf(container, resource) : 0
    for (const later of staying.slice(i)) {
      if (count <= 0) break
      if (!later) continue
      count -= later.count
      before.push({ i, name: later.name, isOwn: false })
    }
    if (count <= 0) continue
    const own = { name: requestName(i, container, resource), count }
    before.push({ i, name: own.name, isOwn: true })
    if (!most || most.count < count) most = own
  }
  mappings.push(...before.map(({ i, name, isOwn }) => mapped(i, isOwn ? most!.name : name)))
  const asked = [...(most ? [most] : []), ...staying.flatMap((each) => each ?? [])]
  const requests = asked.map(({ name, count }) => ({
    name,
    exactly: { deviceClassName: className, allocationMode: 'ExactCount', count },
  }))
  return { requests, mappings }
}

const requestsOf = ({ resources }: Frozen<Container>): Readonly<Record<string, string>> =>
  (resources?.requests as Record<string, string> | undefined) ?? {}

function countOf(container: Frozen<Container>, resource: string): number {
  const text = requestsOf(container)[resource]
  return text === undefined ? 0 : valueOf(parseQuantity(text))
}

const requestName = (i: number, container: Frozen<Container>, resource: string): string =>
  `container-${i}-request-${Object.keys(requestsOf(container)).sort().indexOf(resource)}`
