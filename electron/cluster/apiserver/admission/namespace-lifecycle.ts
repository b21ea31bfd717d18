import type { Namespace } from 'kubernetes-types/core/v1'
import { notFound, StatusError } from '#shared/kube/status.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { forbidden } from './request.ts'

const namespaces = { group: '', plural: 'namespaces' }
const immortal = new Set(['default', 'kube-system', 'kube-public'])

/** Nothing is created where there is no namespace, or in one that is going away; three namespaces never go. */
export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  mutate(request) {
    const { operation, kind, name, namespace } = request
    if (kind.group === '' && kind.plural === 'namespaces') {
      if (operation === 'DELETE' && immortal.has(name)) throw forbidden(request, 'this namespace may not be deleted')
      return
    }
    if (!namespace || operation === 'DELETE') return
    // Whether somebody may do something somewhere can be asked before there is such a place.
    if (kind.group === 'authorization.k8s.io') return
    const found = request.services.get<Namespace>(namespaces, undefined, namespace)
    if (!found) throw notFound(namespaces, namespace)
    const isGoing = found.status?.phase === 'Terminating' || found.metadata?.deletionTimestamp !== undefined
    if (operation === 'CREATE' && isGoing) throw terminating(request, namespace)
  },
}

function terminating(request: AdmissionRequest, namespace: string): StatusError {
  const { status } = forbidden(
    request,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  )
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  }
  return new StatusError({ ...status, details: { ...status.details, causes: [cause] } })
}
