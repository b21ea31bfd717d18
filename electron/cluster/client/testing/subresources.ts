import type { ResourceType } from '#shared/kube/resources.ts'
import { statusFailure } from '#shared/kube/status.ts'
import type { Stored } from './fake-store.ts'

export const withStatus = new Set(
  'pods nodes namespaces services persistentvolumes persistentvolumeclaims replicationcontrollers resourcequotas deployments replicasets statefulsets daemonsets horizontalpodautoscalers jobs cronjobs ingresses poddisruptionbudgets resourceclaims'.split(
    ' ',
  ),
)
/** The parts of `next` that a write through this subresource may change, the rest from `old`. */
export function mayWrite(type: ResourceType, old: Stored, next: Stored, subresource: string): Stored {
  const kept = { ...old, metadata: { ...old.metadata } }
  if (subresource === 'status') {
    const { status: _, ...rest } = kept
    // Upstream's status strategies let annotations through: the revision of a Deployment travels so.
    const { annotations: _a, ...metadata } = rest.metadata
    const { annotations } = next.metadata
    rest.metadata = annotations ? { ...metadata, annotations } : metadata
    return next.status === undefined ? rest : { ...rest, status: next.status }
  }
  if (subresource === 'finalize')
    return { ...kept, spec: { ...kept.spec, finalizers: next.spec?.['finalizers'] ?? [] } }
  if (subresource === 'scale') return { ...kept, spec: { ...kept.spec, replicas: next.spec?.['replicas'] } }
  if (!withStatus.has(type.plural)) return next
  const { status: _, ...rest } = next
  return { ...rest, ...(kept.status ? { status: kept.status } : {}) }
}

/** What counts replicas can be scaled. */
export function viewOf(object: Stored, subresource: string): unknown {
  if (subresource !== 'scale') return object
  const { metadata, spec = {}, status } = object
  if (spec['replicas'] === undefined)
    throw statusFailure(404, 'NotFound', 'the server could not find the requested resource', {})
  const selector = (spec['selector'] ?? {}) as Record<string, unknown>
  const labels = Object.entries((selector['matchLabels'] ?? selector) as Record<string, string>)
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata,
    spec: { replicas: spec['replicas'] },
    status: { replicas: status?.['replicas'] ?? 0, selector: labels.map((pair) => pair.join('=')).join(',') },
  }
}
