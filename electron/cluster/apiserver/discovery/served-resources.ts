import type { Discovery, ServedResource } from '../../client/api.ts'
import type { KindIndex } from '../kinds/kind-index.ts'

const everyVerb = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** Discovery for components in this process: each resource once, in its preferred version. */
export function servedResources(kinds: Pick<KindIndex, 'all'>): Discovery {
  return {
    resources() {
      const found = new Map<string, ServedResource>()
      for (const { definition } of kinds.all) {
        const { group, version, plural, kind, namespaced, verbs = everyVerb } = definition
        const key = `${group}/${plural}`
        if (!found.has(key)) found.set(key, { group, version, plural, kind, namespaced, verbs })
      }
      return Promise.resolve({ resources: [...found.values()], failures: [] })
    },
  }
}
