import type { Ingress } from 'kubernetes-types/networking/v1'
import type { Entry } from '../../store/api.ts'
import type { KindIndex } from '../kinds/kind-index.ts'
import type { Authorizer } from './authorizer.ts'

const reads = new Set(['get', 'list', 'watch'])

/**
 * The ingress controller may read the Secrets that Ingresses name for TLS, each by its name: RBAC could only give it all
 * of them. Nothing is kept but what each Ingress names.
 */
export function ingressAuthorizer(kinds: KindIndex, user: string): Authorizer {
  const names = new WeakMap<Entry, ReadonlySet<string>>()
  const isNamed = (namespace: string, secret: string): boolean => {
    const kind = kinds.resource('networking.k8s.io', 'ingresses')
    if (!kind?.stored) return false
    const namesIn = (entry: Entry): ReadonlySet<string> => {
      let found = names.get(entry)
      if (!found) {
        const { tls = [] } = (kind.object(entry) as Ingress).spec ?? {}
        names.set(entry, (found = new Set(tls.flatMap(({ secretName }) => secretName ?? []))))
      }
      return found
    }
    const { objects } = kind
    return objects.store.range(objects.prefixOf(namespace)).some((entry) => namesIn(entry).has(secret))
  }
  return {
    authorize({ user: { name: who }, verb, isResource, group, resource, subresource, namespace, name }) {
      const asked = who === user && isResource && group === '' && resource === 'secrets' && subresource === ''
      if (!asked || !reads.has(verb)) return { allowed: false, reason: '' }
      if (!namespace || !name) return { allowed: false, reason: 'can only read single secrets' }
      return { allowed: isNamed(namespace, name), reason: 'no Ingress names this secret' }
    },
  }
}
