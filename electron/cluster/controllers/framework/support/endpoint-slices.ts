import type { Endpoint, EndpointPort, EndpointSlice } from 'kubernetes-types/discovery/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { endpointSlices } from '#shared/kube/resources.ts'
import type { Index } from '../../../client/cache.ts'
import type { Informer } from '../../../client/informer.ts'
import { remove, type Step } from '../action.ts'
import { watch, type Watch } from '../controller.ts'

export type SliceView = Frozen<EndpointSlice>
export type EndpointView = Frozen<Endpoint>
export type PortView = Frozen<EndpointPort>
export type AddressType = 'IPv4' | 'IPv6'

export const serviceNameLabel = 'kubernetes.io/service-name'
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
export const triggerKey = 'endpoints.kubernetes.io/last-change-trigger-time'

/** What tells endpoints apart: a pod that changes its readiness stays the same endpoint, one that moves does not. */
export const endpointId = ({ addresses, targetRef, hostname }: EndpointView): string =>
  [addresses.join(), targetRef?.uid, targetRef?.name, hostname].join('|')

export const portsId = (ports: readonly PortView[]): string =>
  ports
    .map(({ name = '', port, protocol = 'TCP', appProtocol = '' }) => [name, port, protocol, appProtocol].join('/'))
    .sort()
    .join()

/** An empty list may be left out on the wire. */
export const endpointsOf = (slice: SliceView): readonly EndpointView[] =>
  (slice as { readonly endpoints?: readonly EndpointView[] }).endpoints ?? []

export const removeSlice = (slice: SliceView): Step =>
  remove(endpointSlices, slice, { tolerate: (error) => error.code === 404 })

/** The slices that one controller manages, by the key of their service, and the watch that maps them to it. */
export function managedSlices(
  slices: Informer<EndpointSlice>,
  managedBy: string,
): { byService: Index<EndpointSlice>; changes: Watch } {
  const keys = ({ metadata }: SliceView): string[] => {
    const { labels, namespace } = metadata ?? {}
    const name = labels?.[serviceNameLabel]
    return name && labels?.[managedByLabel] === managedBy ? [`${namespace}/${name}`] : []
  }
  return {
    byService: slices.index(`service of ${managedBy}`, keys),
    // One that is given away, or to another service, is missed by the one before.
    changes: watch(slices, (slice, old) => new Set([...keys(slice), ...(old ? keys(old) : [])])),
  }
}
