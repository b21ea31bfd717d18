import type { KubeObject } from '#shared/kube/object.ts'
import type { TraceRing } from '../base/trace.ts'
import type { Authorizer } from '../apiserver/authz/authorizer.ts'
import type { UserInfo, Visibility } from '../apiserver/registry/kind.ts'
import { sequenceIn } from './trace-object.ts'

export interface VisibilityDeps {
  readonly ring: Pick<TraceRing, 'get'>
  readonly authorizer: () => Authorizer
}

/** Somebody is shown the traces of objects that they may get: a list of traces tells no names of secrets to whoever may not list these. */
export function visibilityFor({ ring, authorizer }: VisibilityDeps, user: UserInfo): Visibility | undefined {
  const mayGet = (group: string, version: string, resource: string, namespace: string): boolean => {
    const what = { group, version, resource, subresource: '', namespace, name: '', path: '' }
    return authorizer().authorize({ user, verb: 'get', isResource: true, ...what }).allowed
  }
  // Administrators see everything: nothing needs to be looked at.
  if (mayGet('*', '*', '*', '')) return undefined
  const asked = new Map<string, boolean>()
  return {
    key: JSON.stringify([user.name, user.uid, user.groups, user.extra]),
    shows(trace: KubeObject) {
      const entry = ring.get(sequenceIn(trace.metadata?.name ?? ''))
      if (!entry) return false
      const { kind, namespace = '' } = entry
      const { group, version, plural } = kind
      const key = `${group}/${plural}/${namespace}`
      let allowed = asked.get(key)
      if (allowed === undefined) asked.set(key, (allowed = mayGet(group, version, plural, namespace)))
      return allowed
    },
  }
}
