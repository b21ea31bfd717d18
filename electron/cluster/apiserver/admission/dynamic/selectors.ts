import type { KubeObject, LabelSelector } from '#shared/kube/object.ts'
import { matches, selectorOf, type Selector } from '#shared/kube/selectors.ts'
import { notFound } from '#shared/kube/status.ts'
import type { AdmissionRequest } from '../../registry/kind.ts'

const namespaces = { group: '', plural: 'namespaces' }
const compiled = new WeakMap<object, Selector>()

function compile(selector: LabelSelector): Selector {
  let known = compiled.get(selector)
  if (!known) compiled.set(selector, (known = selectorOf(selector)))
  return known
}

type Given = { readonly [K in keyof LabelSelector]?: unknown } | undefined

const isEmpty = (selector: Given): boolean => {
  const { matchLabels, matchExpressions } = (selector ?? {}) as LabelSelector
  return !Object.keys(matchLabels ?? {}).length && !matchExpressions?.length
}

/** The request's namespace, as it is now; for writes of namespaces, what they come to. Cluster-scoped requests pass. */
export function namespaceMatches(selector: Given, request: AdmissionRequest): boolean {
  if (isEmpty(selector)) return true
  const { kind, namespace, name, object, operation } = request
  const isNamespace = kind.group === '' && kind.plural === 'namespaces'
  if (!namespace && !isNamespace) return true
  const written = isNamespace && !request.subresource && operation !== 'DELETE' ? object : undefined
  const holder = written ?? namespaceOf(request, namespace ?? name)
  return matches(compile(selector as LabelSelector), holder.metadata?.labels)
}

/** Throws 404. */
export function namespaceOf({ services }: AdmissionRequest, name: string): KubeObject {
  const found = services.get<KubeObject>(namespaces, undefined, name)
  if (!found) throw notFound(namespaces, name)
  return found
}

/** Either state of the object will do. */
export function objectMatches(selector: Given, { object, old }: AdmissionRequest): boolean {
  if (isEmpty(selector)) return true
  const wanted = compile(selector as LabelSelector)
  return [object, old].some((each) => each !== undefined && matches(wanted, each.metadata?.labels))
}
