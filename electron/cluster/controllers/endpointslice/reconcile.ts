import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { endpointSlices, services } from '#shared/kube/resources.ts'
import { create, nothing, remove, update, type Decision, type Step } from '../framework/action.ts'
import { equal } from '../framework/support/equality.ts'
import { controllerReference } from '../framework/support/owner-references.ts'
import type { PodView } from '../framework/support/pods.ts'
import { triggerTime, type ServiceView } from '../framework/support/service-pods.ts'
import {
  desiredEndpoints,
  familiesOf,
  labelsOf,
  type AddressType,
  type EndpointView,
  type PortView,
  type SliceView,
} from './endpoints.ts'
import { distribute } from './slices.ts'

export interface Observed {
  readonly service: ServiceView
  readonly pods: readonly PodView[]
  /** The service's slices that are this controller's. */
  readonly slices: readonly SliceView[]
  readonly node: (name: string) => Frozen<Node> | undefined
}

/** Milliseconds of rest per pod after a look that wrote: readiness of a thousand pods comes in bursts. */
const restPerPod = 0.2

const triggerKey = 'endpoints.kubernetes.io/last-change-trigger-time'

export function reconcile({ service, pods, slices, node }: Observed): Decision {
  // Without a selector the endpoints are somebody else's; an external name has none.
  if (service.metadata?.deletionTimestamp || service.spec?.type === 'ExternalName' || !service.spec?.selector)
    return nothing
  const labels = labelsOf(service)
  const trigger = triggerTime(service, pods)
  const families = familiesOf(service)
  const alive = slices.filter(({ metadata }) => !metadata?.deletionTimestamp)
  const foreign = alive.filter(({ addressType }) => !families.includes(addressType as AddressType))
  const steps: Step[] = foreign.map((slice) => removeSlice(slice))

  for (const family of families) {
    const existing = alive.filter(({ addressType }) => addressType === family)
    const changes = distribute(desiredEndpoints(service, pods, family, node), existing)
    const updated = new Set(changes.update.map(({ slice }) => slice))
    const removed = new Set(changes.remove)
    for (const { ports, endpoints } of changes.create)
      steps.push(create(endpointSlices, newSlice(service, family, labels, trigger, ports, endpoints)))
    for (const { slice, ports, endpoints } of changes.update)
      steps.push(updateSlice({ ...slice, ports, endpoints }, labels, trigger))
    for (const slice of existing)
      if (!updated.has(slice) && !removed.has(slice) && !equal(slice.metadata?.labels, labels))
        steps.push(updateSlice(slice, labels, undefined))
    for (const slice of changes.remove) steps.push(removeSlice(slice))
  }
  return steps.length ? { steps, rest: Math.trunc(pods.length * restPerPod) } : nothing
}

const removeSlice = (slice: SliceView): Step =>
  remove(endpointSlices, slice, { tolerate: (error) => error.code === 404 })

function newSlice(
  service: ServiceView,
  addressType: AddressType,
  labels: Readonly<Record<string, string>>,
  trigger: string | undefined,
  ports: readonly PortView[],
  endpoints: readonly EndpointView[],
): SliceView {
  const { name, namespace } = service.metadata ?? {}
  return {
    metadata: {
      generateName: `${name}-`,
      ...(namespace ? { namespace } : {}),
      labels,
      ...(trigger ? { annotations: { [triggerKey]: trigger } } : {}),
      ownerReferences: [controllerReference(services, service)],
    },
    addressType,
    ports,
    endpoints,
  }
}

function updateSlice(slice: SliceView, labels: Readonly<Record<string, string>>, trigger: string | undefined): Step {
  const annotations = trigger ? { annotations: { ...slice.metadata?.annotations, [triggerKey]: trigger } } : {}
  return update(endpointSlices, { ...slice, metadata: { ...slice.metadata, labels, ...annotations } })
}
