import type { KubeObject } from '#shared/kube/object.ts'
import { forbidden as forbiddenOf, type StatusError } from '#shared/kube/status.ts'
import type { AdmissionRequest } from '../registry/kind.ts'

/** The request is about the object itself, no subresource, of that kind. */
export const isAbout = ({ kind, subresource }: AdmissionRequest, group: string, plural: string): boolean =>
  kind.plural === plural && kind.group === group && subresource === ''

/** The object that is to be created, if the request creates one of that kind. */
export function created<T extends KubeObject>(request: AdmissionRequest, group: string, plural: string): T | undefined {
  return request.operation === 'CREATE' && isAbout(request, group, plural) ? (request.object as T) : undefined
}

/** Names are made after mutating admission, so that the base of a generated one must do. */
export function nameOf({ name, object }: AdmissionRequest): string {
  return name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown'
}

export const forbidden = (request: AdmissionRequest, text: string): StatusError =>
  forbiddenOf(request.kind, nameOf(request), text)

/** Several reasons as Go joins errors: one stands for itself. */
export const joined = (texts: readonly string[]): string => (texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`)
