import type { LoadBalancerStatus, ServiceStatus } from 'kubernetes-types/core/v1'
import type { Condition } from 'kubernetes-types/meta/v1'
import type { Frozen } from '#shared/kube/object.ts'
import {
  loadBalancerAnnotation,
  loadBalancerClass,
  parseLoadBalancerReport,
  type LoadBalancerPort,
} from '#shared/kube/load-balancer.ts'
import { services } from '#shared/kube/resources.ts'
import { timestamp } from '../../base/clock.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, nothing, updateStatus, type Decision, type Step } from '../framework/action.ts'
import { findCondition, withoutCondition } from '../framework/support/conditions.ts'
import { equal } from '../framework/support/equality.ts'
import type { ServiceView } from '../framework/support/service-pods.ts'

type Status = Frozen<ServiceStatus>

/** Whether every port of the service is reached under its own number. */
const conditionType = 'wheelhouse.dev/PortsBound'

/** Status of a load-balanced service from what the agent reports; none for one that is load-balanced no longer. */
export function reconcile(service: ServiceView, now: number): Decision {
  const annotation = service.metadata?.annotations?.[loadBalancerAnnotation]
  if (!isOurs(service)) {
    // What has another class is another controller's, but for a report from when it had none.
    const released = service.spec?.type !== 'LoadBalancer' || annotation !== undefined
    return released && !service.metadata?.deletionTimestamp ? { steps: release(service) } : nothing
  }
  const report = parseLoadBalancerReport(annotation, service.metadata?.uid)
  if (!report) return nothing
  const ports = (service.spec?.ports ?? []).flatMap(({ port, protocol = 'TCP' }) =>
    report.ports.filter((reported) => reported.port === port && reported.protocol === protocol),
  )
  // Ports that were added a moment ago have not been reported: the service is ready when all have.
  if (ports.length < (service.spec?.ports?.length ?? 0)) return nothing
  const condition = conditionOf(ports, service, now)
  const before = findCondition(service.status?.conditions, conditionType)
  const unchanged = before?.status === condition.status && before.message === condition.message
  const status: Status = {
    ...service.status,
    loadBalancer: loadBalancerOf(ports),
    conditions: unchanged
      ? (service.status?.conditions ?? [])
      : [...withoutCondition(service.status?.conditions, conditionType), condition],
  }
  if (equal(status, service.status)) return nothing
  const steps: Step[] = [updateStatus(services, { ...service, status })]
  if (!unchanged) steps.push(announce(service, condition))
  return { steps }
}

const isOurs = ({ spec }: ServiceView): boolean =>
  spec?.type === 'LoadBalancer' &&
  (spec.loadBalancerClass === undefined || spec.loadBalancerClass === loadBalancerClass)

/** One write: the report goes with the status, which is what this controller may write. */
function release(service: ServiceView): Step[] {
  const { loadBalancer, conditions, ...rest } = service.status ?? {}
  const { [loadBalancerAnnotation]: report, ...annotations } = service.metadata?.annotations ?? {}
  const left = withoutCondition(conditions, conditionType)
  if (report === undefined && !loadBalancer?.ingress?.length && left.length === (conditions ?? []).length) return []
  const status: Status = { ...rest, loadBalancer: {}, ...(left.length ? { conditions: left } : {}) }
  const metadata = { ...service.metadata, annotations }
  return [updateStatus(services, { ...service, metadata, status }, { tolerate: (error) => error.code === 404 })]
}

/** Without a single port that is bound there is no way in, and so no ingress. */
function loadBalancerOf(ports: readonly LoadBalancerPort[]): Frozen<LoadBalancerStatus> {
  if (!ports.some(({ bound }) => bound !== undefined)) return {}
  const shown = ports.map(({ port, protocol, error }) => ({
    port,
    protocol,
    ...(error ? { error: `wheelhouse.dev/${error}` } : {}),
  }))
  const ingress = { ip: '127.0.0.1', ipMode: 'Proxy', ports: shown }
  return { ingress: [ingress] }
}

function conditionOf(ports: readonly LoadBalancerPort[], service: ServiceView, now: number): Frozen<Condition> {
  const moved = ports.filter(({ port, bound }) => bound !== port)
  const generation = service.metadata?.generation
  return {
    type: conditionType,
    status: moved.length ? 'False' : 'True',
    reason: moved[0]?.error ?? (moved.length ? 'PortUnavailable' : 'Bound'),
    message: moved.length
      ? moved.map(sentence).join(' ')
      : `listening on ${ports.map(({ port }) => `localhost:${port}`).join(', ')}`,
    lastTransitionTime: timestamp(now),
    ...(generation ? { observedGeneration: generation } : {}),
  }
}

function sentence({ port, protocol, bound, message, error }: LoadBalancerPort): string {
  if (message) return message
  const instead = bound === undefined ? 'it is not served' : `port ${bound} is served instead`
  return `Port ${port}/${protocol} of this machine could not be had (${error ?? 'unknown reason'}): ${instead}.`
}

function announce(service: ServiceView, { status, message }: Frozen<Condition>): Step {
  const about = referenceTo(services, service)
  return status === 'True'
    ? event(about, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer')
    : event(about, 'Warning', 'LoadBalancerPortUnavailable', message)
}
