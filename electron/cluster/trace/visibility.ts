import type { KubeObject } from '#shared/kube/object.ts'
import * as resources from '#shared/kube/resources.ts'
import type { TracedKind, TraceRef, TraceRing } from '../base/trace.ts'
import type { Authorizer } from '../apiserver/authz/authorizer.ts'
import type { UserInfo, Visibility } from '../apiserver/registry/kind.ts'
import { sequenceIn } from './trace-object.ts'

export interface VisibilityDeps {
  readonly ring: Pick<TraceRing, 'get'>
  readonly authorizer: () => Authorizer
}

const known = new Map<string, TracedKind>()
for (const type of Object.values(resources))
  if (typeof type === 'object') known.set(`${resources.apiVersionOf(type)} ${type.kind}`, type)

const kindOf = ({ apiVersion, kind }: TraceRef): TracedKind | undefined => known.get(`${apiVersion} ${kind}`)

/**
 * Somebody is shown the traces of objects that they may get, where they may get the cause, too: a list of traces tells no
 * names of secrets to whoever may not list these. A cause of which nothing is known but its name may be got by nobody.
 */
export function visibilityFor({ ring, authorizer }: VisibilityDeps, user: UserInfo): Visibility | undefined {
  const mayGet = (group: string, version: string, resource: string, namespace: string): boolean => {
    const what = { group, version, resource, subresource: '', namespace, name: '', path: '' }
    return authorizer().authorize({ user, verb: 'get', isResource: true, ...what }).allowed
  }
  // Administrators see everything: nothing needs to be looked at.
  if (mayGet('*', '*', '*', '')) return undefined
  const asked = new Map<string, boolean>()
  const mayGetOne = ({ group, version, plural }: TracedKind, namespace = ''): boolean => {
    const key = `${group}/${plural}/${namespace}`
    let allowed = asked.get(key)
    if (allowed === undefined) asked.set(key, (allowed = mayGet(group, version, plural, namespace)))
    return allowed
  }
  return {
    key: JSON.stringify([user.name, user.uid, user.groups, user.extra]),
    shows(trace: KubeObject) {
      const entry = ring.get(sequenceIn(trace.metadata?.name ?? ''))
      if (!entry || !mayGetOne(entry.kind, entry.namespace)) return false
      const { cause, parentKind } = entry
      // Where none is stated it is the object itself.
      if (!cause) return true
      const kind = parentKind ?? kindOf(cause)
      return kind !== undefined && mayGetOne(kind, cause.namespace)
    },
  }
}
