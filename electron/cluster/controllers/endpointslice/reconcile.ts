import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { endpointSlices, services } from '#shared/kube/resources.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { create, event, nothing, update, type Decision, type Step } from '../framework/action.ts'
import { removeSlice, triggerKey, type AddressType, type SliceView } from '../framework/support/endpoint-slices.ts'
import { equal } from '../framework/support/equality.ts'
import { controllerReference } from '../framework/support/owner-references.ts'
import type { PodView } from '../framework/support/pods.ts'
import { triggerTime, type ServiceView } from '../framework/support/service-pods.ts'
import { desiredEndpoints, familiesOf, labelsOf } from './endpoints.ts'
import { hintModeOf, withHints } from './hints.ts'
import { distribute, type Creation } from './slices.ts'
import type { ZoneShares } from './zones.ts'

export interface Observed {
  readonly service: ServiceView
  readonly pods: readonly PodView[]
  /** The service's slices that are this controller's. */
  readonly slices: readonly SliceView[]
  readonly node: (name: string) => Frozen<Node> | undefined
  readonly shares: () => ZoneShares | undefined
  /** Whether this process has given it hints by the shares of zones. */
  readonly wasAutomatic: boolean
}

/** Milliseconds of rest per pod after a look that wrote: readiness of a thousand pods comes in bursts. */
const restPerPod = 0.2

/** `automatic`: whether endpoints have hints by the shares of zones. */
export function reconcile(observed: Observed): Decision & { readonly automatic: boolean } {
  const { service, pods, slices, node, shares, wasAutomatic } = observed
  // Without a selector the endpoints are somebody else's; an external name has none.
  if (service.metadata?.deletionTimestamp || service.spec?.type === 'ExternalName' || !service.spec?.selector)
    return { ...nothing, automatic: false }
  const mode = hintModeOf(service)
  let automatic = wasAutomatic
  const labels = labelsOf(service)
  const trigger = triggerTime(service, pods)
  const families = familiesOf(service)
  const alive = slices.filter(({ metadata }) => !metadata?.deletionTimestamp)
  const foreign = alive.filter(({ addressType }) => !families.includes(addressType as AddressType))
  const steps: Step[] = foreign.map(removeSlice)
  const events: Step[] = []

  for (const family of families) {
    const existing = alive.filter(({ addressType }) => addressType === family)
    const distributed = distribute(desiredEndpoints(service, pods, family, node), existing)
    const { changes, problem } = withHints(mode, distributed, existing, shares)
    const isAutomatic = mode === 'automatic' && !problem
    events.push(...hintEvents(service, family, mode === 'automatic', problem, automatic))
    automatic = isAutomatic
    const updated = new Set(changes.update.map(({ slice }) => slice))
    const removed = new Set(changes.remove)
    for (const creation of changes.create)
      steps.push(create(endpointSlices, newSlice(service, family, labels, trigger, creation)))
    for (const { slice, ports, endpoints } of changes.update)
      steps.push(updateSlice({ ...slice, ports, endpoints }, labels, trigger))
    for (const slice of existing)
      if (!updated.has(slice) && !removed.has(slice) && !equal(slice.metadata?.labels, labels))
        steps.push(updateSlice(slice, labels, undefined))
    for (const slice of changes.remove) steps.push(removeSlice(slice))
  }
  const rest = steps.length ? { rest: Math.trunc(pods.length * restPerPod) } : {}
  return { steps: [...steps, ...events], ...rest, automatic }
}

/** Says when hints begin, and why there are none. */
function hintEvents(
  service: ServiceView,
  family: AddressType,
  wanted: boolean,
  problem: string | undefined,
  before: boolean,
): Step[] {
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string) => [
    event(referenceTo(services, service), type, reason, `${message}, addressType: ${family}`),
  ]
  if (problem) return tell('Warning', 'TopologyAwareHintsDisabled', problem)
  if (wanted === before) return []
  return wanted
    ? tell('Normal', 'TopologyAwareHintsEnabled', 'Topology Aware Hints has been enabled')
    : tell('Warning', 'TopologyAwareHintsDisabled', 'Topology Aware Hints has been disabled')
}

function newSlice(
  service: ServiceView,
  addressType: AddressType,
  labels: Readonly<Record<string, string>>,
  trigger: string | undefined,
  { ports, endpoints }: Creation,
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
