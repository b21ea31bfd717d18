import type { KubeObject } from '#shared/kube/object.ts'
import type { AdmissionRequest } from '../../registry/kind.ts'
import { namespaceOf } from '../dynamic/selectors.ts'

/** The value of `namespaceObject`. A namespace is in none, though requests for it name it. Throws 404. */
export function namespaceObject(request: AdmissionRequest): KubeObject | undefined {
  const { kind, namespace } = request
  const isNamespace = kind.group === '' && kind.plural === 'namespaces'
  return namespace && !isNamespace ? namespaceOf(request, namespace) : undefined
}
