import type { KubeObject } from '#shared/kube/object.ts'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import type { AdmissionHost } from '../dynamic/host.ts'
import type { ParamRef, PolicySpec } from './types.ts'

/** The policy or binding cannot be used; failurePolicy says what that means. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}

/** What the policy is evaluated with, once each. Undefined stands for no parameters. Source: generic.CollectParams. */
export function paramsOf(
  { kinds, services }: AdmissionHost,
  paramKind: PolicySpec['paramKind'],
  reference: ParamRef | undefined,
  namespace: string | undefined,
): readonly (KubeObject | undefined)[] {
  if (!paramKind || !reference) return [undefined]
  const { apiVersion, kind } = paramKind
  const slash = apiVersion.indexOf('/')
  const served = kinds.ofKind(slash < 0 ? '' : apiVersion.slice(0, slash), apiVersion.slice(slash + 1), kind)
  if (!served?.stored)
    throw new ConfigurationError(`paramKind kind \`&ParamKind{APIVersion:${apiVersion},Kind:${kind},}\` not known`)
  const where = served.namespaced ? reference.namespace || namespace : undefined
  if (served.namespaced && !where)
    throw new ConfigurationError(
      'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
    )
  if (!served.namespaced && reference.namespace)
    throw new ConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`')
  const found = reference.name ? named(reference.name) : selected()
  if (!found.length && reference.parameterNotFoundAction === 'Deny')
    throw new ConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction')
  return found

  function named(name: string): KubeObject[] {
    const entry = served!.objects.get(served!.objects.keyOf(where, name))
    return entry ? [served!.object(entry)] : []
  }

  function selected(): KubeObject[] {
    const selector = selectorOf(reference!.selector)
    return services
      .list<KubeObject>(served!.subject, where)
      .filter(({ metadata }) => matches(selector, metadata?.labels))
  }
}
