import type { Container, Pod, Service, ServicePort } from 'kubernetes-types/core/v1'
import { keyOf, type Frozen, type KubeObject } from '#shared/kube/object.ts'
import { matches, selectorOfLabels } from '#shared/kube/selectors.ts'
import type { TraceRef } from '../../../base/trace.ts'
import type { Index } from '../../../client/cache.ts'
import { referenceTo } from '../../../client/event-recorder.ts'
import type { Informer } from '../../../client/informer.ts'
import type { Watch } from '../controller.ts'
import { isPodReady, isPodTerminal, type PodView } from './pods.ts'

export type ServiceView = Frozen<Service>

/** Pods by `namespace/label=value`, so that selecting costs the smallest group that shares a label. */
export const labelIndex = (pods: Informer<Pod>): Index<Pod> =>
  pods.index('label', ({ metadata }) =>
    Object.entries(metadata?.labels ?? {}).map(([key, value]) => `${metadata?.namespace}/${key}=${value}`),
  )

/** The pods that a service selects; none without a selector. */
export function selectedPods(service: ServiceView, byLabel: Index<Pod>): readonly PodView[] {
  const selector = service.spec?.selector ?? {}
  const groups = Object.entries(selector).map(([key, value]) => `${service.metadata?.namespace}/${key}=${value}`)
  const [smallest] = groups.sort((a, b) => byLabel.count(a) - byLabel.count(b))
  if (smallest === undefined) return []
  const wanted = selectorOfLabels(selector)
  return byLabel.get(smallest).filter((pod) => matches(wanted, pod.metadata?.labels))
}

/** Maps pods to the services that select them, or did before their labels changed. */
export function selectingServices(pods: Informer<Pod>, services: Informer<Service>): Watch {
  // By one label that they ask for: however many services there are, a pod's event looks at those that share one with it.
  const byLabel = services.index('selects', ({ metadata, spec }) => {
    const [label] = Object.entries(spec?.selector ?? {})
    return label ? [`${metadata?.namespace}/${label.join('=')}`] : []
  })
  const keysFor = ({ metadata }: PodView): string[] =>
    Object.entries(metadata?.labels ?? {})
      .flatMap((label) => byLabel.get(`${metadata?.namespace}/${label.join('=')}`))
      .filter(({ spec }) => matchesAll(spec?.selector ?? {}, metadata?.labels))
      .map((service) => keyOf(service as KubeObject))
  return {
    synced: async () => {
      await Promise.all([pods.whenSynced(), services.whenSynced()])
    },
    start(enqueue) {
      const tell = (pod: PodView, old?: PodView) => {
        const before = old && !sameLabels(pod, old) ? keysFor(old) : []
        const keys = new Set([...keysFor(pod), ...before])
        if (!keys.size) return
        const cause = referenceTo(pods.type, pod) as TraceRef
        for (const key of keys) enqueue(key, cause)
      }
      // A pod on its way to its first address shows nowhere yet, however often it changes.
      const shows = (pod: PodView) => {
        if (mayBeEndpoint(pod)) tell(pod)
      }
      return pods.handle({
        add: shows,
        update: (pod, old) => {
          if (!mayBeEndpoint(pod) && !mayBeEndpoint(old)) return
          if (endpointChanged(pod, old) || !sameLabels(pod, old)) tell(pod, old)
        },
        delete: shows,
      })
    },
  }
}

const matchesAll = (
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>> | undefined,
): boolean => {
  for (const key in selector) if (labels?.[key] !== selector[key]) return false
  return true
}

function sameLabels(a: PodView, b: PodView): boolean {
  const left = a.metadata?.labels ?? {}
  const right = b.metadata?.labels ?? {}
  return left === right || (Object.keys(left).length === Object.keys(right).length && matchesAll(left, right))
}

/** What of a pod shows in an endpoint. */
const endpointChanged = (pod: PodView, old: PodView): boolean =>
  pod.metadata?.deletionTimestamp !== old.metadata?.deletionTimestamp ||
  isPodReady(pod) !== isPodReady(old) ||
  isPodTerminal(pod) !== isPodTerminal(old) ||
  pod.spec?.nodeName !== old.spec?.nodeName ||
  pod.spec?.hostname !== old.spec?.hostname ||
  pod.spec?.subdomain !== old.spec?.subdomain ||
  addressesOf(pod).join() !== addressesOf(old).join()

export function addressesOf(pod: PodView): readonly string[] {
  const { podIPs, podIP } = pod.status ?? {}
  return podIPs?.length ? podIPs.map(({ ip }) => ip ?? '') : podIP ? [podIP] : []
}

/** A pod that has ended serves nothing, and neither does one without an address. */
export const mayBeEndpoint = (pod: PodView): boolean => !isPodTerminal(pod) && addressesOf(pod).length > 0

/** The pod's own DNS name below a headless service. */
export function hostnameIn(pod: PodView, service: ServiceView): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {}
  return hostname && subdomain === service.metadata?.name ? hostname : undefined
}

/** The number behind a service port in this pod; undefined when it names a port that the pod does not have. */
export function targetPort(
  pod: PodView,
  { targetPort, port, protocol = 'TCP' }: Frozen<ServicePort>,
): number | undefined {
  const target = (targetPort ?? port) as number | string
  if (typeof target === 'number') return target || port
  const sidecars = (pod.spec?.initContainers ?? []).filter(
    (container) => (container as Frozen<Container> & { restartPolicy?: string }).restartPolicy === 'Always',
  )
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars])
    for (const candidate of container.ports ?? [])
      if (candidate.name === target && (candidate.protocol ?? 'TCP') === protocol) return candidate.containerPort
  return undefined
}

export const isHeadless = (service: ServiceView): boolean => service.spec?.clusterIP === 'None'

/** The time that made the endpoints change: of the last pod to become ready or not, or of the service. */
export function triggerTime(service: ServiceView, pods: readonly PodView[]): string | undefined {
  let latest = service.metadata?.creationTimestamp
  for (const pod of pods)
    for (const { type, lastTransitionTime } of pod.status?.conditions ?? [])
      if (type === 'Ready' && lastTransitionTime && (!latest || lastTransitionTime > latest))
        latest = lastTransitionTime
  return latest
}
