import type { Endpoints } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { endpoints as endpointsType, endpointSlices } from '#shared/kube/resources.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { create, event, nothing, update, type Decision, type Step } from '../framework/action.ts'
import { tolerateRaces } from '../framework/support/active-namespaces.ts'
import {
  endpointId,
  endpointsOf,
  managedByLabel,
  removeSlice,
  serviceNameLabel,
  triggerKey,
  type SliceView,
} from '../framework/support/endpoint-slices.ts'
import { equal } from '../framework/support/equality.ts'
import { controllerReference } from '../framework/support/owner-references.ts'
import type { ServiceView } from '../framework/support/service-pods.ts'
import { capacity, mirrorId, mirrorsOf, type Mirror } from './mirror.ts'

type EndpointsView = Frozen<Endpoints>

export interface Observed {
  readonly endpoints: EndpointsView | undefined
  readonly service: ServiceView | undefined
  /** The mirrors that there are. */
  readonly slices: readonly SliceView[]
}

export const managedBy = 'endpointslicemirroring-controller.k8s.io'
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror'
const leaderKey = 'control-plane.alpha.kubernetes.io/leader'
const appliedKey = 'kubectl.kubernetes.io/last-applied-configuration'

export function reconcile({ endpoints, service, slices }: Observed): Decision {
  const alive = slices.filter(({ metadata }) => !metadata?.deletionTimestamp)
  // With a selector the service has slices of its own.
  if (!endpoints || !service || service.spec?.selector || !isMirrored(endpoints))
    return alive.length ? { steps: alive.map(removeSlice) } : nothing

  const { mirrors, invalid, skipped } = mirrorsOf(endpoints)
  const existing = Map.groupBy(alive, (slice) => mirrorId(slice.addressType, slice.ports ?? []))
  const spare = [...existing].flatMap(([id, group]) => group.slice(mirrors.has(id) ? 1 : 0))
  const steps: Step[] = []
  for (const [id, mirror] of mirrors) {
    const [current] = existing.get(id) ?? []
    if (current && isUpToDate(current, mirror, endpoints)) continue
    // One that would go takes what would make another: one write instead of two. Its family cannot change.
    const reused = current ?? take(spare, ({ addressType }) => addressType === mirror.addressType)
    const slice = sliceOf(endpoints, mirror, reused)
    if (reused) steps.push(update(endpointSlices, slice))
    else if (!endpoints.metadata?.deletionTimestamp) steps.push(create(endpointSlices, slice, tolerateRaces))
  }
  steps.push(...spare.map(removeSlice))
  return { steps: [...complaints(endpoints, invalid, skipped), ...steps] }
}

const isMirrored = ({ metadata }: EndpointsView): boolean =>
  metadata?.labels?.[skipLabel] !== 'true' && metadata?.annotations?.[leaderKey] === undefined

function complaints(endpoints: EndpointsView, invalid: number, skipped: number): Step[] {
  const warn = (reason: string, message: string) =>
    event(referenceTo(endpointsType, endpoints), 'Warning', reason, message)
  return [
    ...(invalid
      ? [warn('InvalidIPAddress', `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`)]
      : []),
    ...(skipped > invalid
      ? [
          warn(
            'TooManyAddressesToMirror',
            `A max of ${capacity} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`,
          ),
        ]
      : []),
  ]
}

const labelsOf = ({ metadata }: EndpointsView) => ({
  ...metadata?.labels,
  [serviceNameLabel]: metadata?.name ?? '',
  [managedByLabel]: managedBy,
})

const annotationsOf = ({ metadata }: EndpointsView) =>
  Object.fromEntries(
    Object.entries(metadata?.annotations ?? {}).filter(([key]) => key !== triggerKey && key !== appliedKey),
  )

function isUpToDate(slice: SliceView, { endpoints: wanted }: Mirror, endpoints: EndpointsView): boolean {
  const current = endpointsOf(slice)
  return (
    current.length === Math.min(wanted.size, capacity) &&
    current.every((endpoint) => equal(endpoint, wanted.get(endpointId(endpoint)))) &&
    equal(slice.metadata?.labels ?? {}, labelsOf(endpoints)) &&
    equal(slice.metadata?.annotations ?? {}, annotationsOf(endpoints))
  )
}

function sliceOf(endpoints: EndpointsView, mirror: Mirror, before: SliceView | undefined): SliceView {
  const { name = '', namespace = '' } = endpoints.metadata ?? {}
  const { name: sliceName, resourceVersion } = before?.metadata ?? {}
  return {
    metadata: {
      ...(sliceName
        ? { name: sliceName, ...(resourceVersion ? { resourceVersion } : {}) }
        : { generateName: `${name}-` }),
      namespace,
      labels: labelsOf(endpoints),
      annotations: annotationsOf(endpoints),
      ownerReferences: [controllerReference(endpointsType, endpoints)],
    },
    addressType: mirror.addressType,
    ports: mirror.ports,
    endpoints: [...mirror.endpoints.values()].slice(0, capacity),
  }
}

function take<T>(items: T[], fits: (item: T) => boolean): T | undefined {
  const index = items.findIndex(fits)
  return index < 0 ? undefined : items.splice(index, 1)[0]
}
