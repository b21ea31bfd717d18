import type { Discovery, ServedResource } from './api.ts'

/** The part of apidiscovery.k8s.io/v2 APIGroupDiscoveryList that is read here. */
interface GroupList {
  items?: {
    metadata?: { name?: string }
    versions?: {
      version: string
      freshness?: string
      resources?: { resource: string; responseKind?: { kind?: string }; scope: string; verbs?: string[] }[]
    }[]
  }[]
}

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** Discovery over two GETs; `get` is given a path and an Accept header and answers decoded JSON. */
export async function discover(
  get: (path: string, accept: string) => Promise<unknown>,
): ReturnType<Discovery['resources']> {
  const lists = (await Promise.all([get('/api', aggregated), get('/apis', aggregated)])) as GroupList[]
  const resources = new Map<string, ServedResource>()
  const failures: { groupVersion: string; message: string }[] = []
  for (const { metadata, versions = [] } of lists.flatMap((list) => list.items ?? [])) {
    const group = metadata?.name ?? ''
    for (const { version, freshness, resources: served = [] } of versions) {
      if (freshness === 'Stale') {
        const groupVersion = group ? `${group}/${version}` : version
        failures.push({ groupVersion, message: 'stale GroupVersion discovery' })
      }
      for (const { resource, responseKind, scope, verbs = [] } of served) {
        const key = `${group}/${resource}`
        if (resources.has(key)) continue
        const kind = responseKind?.kind ?? ''
        resources.set(key, { group, version, plural: resource, kind, namespaced: scope === 'Namespaced', verbs })
      }
    }
  }
  return { resources: [...resources.values()], failures }
}
