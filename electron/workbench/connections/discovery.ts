import type { ResourceInfo } from '#shared/ipc/contexts.ts'
import type { ApiConnection } from './api-connection.ts'

interface AggregatedDiscovery {
  items?: {
    metadata?: { name?: string }
    versions?: {
      version: string
      resources?: {
        resource: string
        singularResource?: string
        responseKind?: { kind: string }
        scope: 'Namespaced' | 'Cluster'
        shortNames?: string[]
        categories?: string[]
        verbs?: string[]
      }[]
    }[]
  }[]
}

interface GroupList {
  groups?: { name: string; versions: GroupVersion[]; preferredVersion?: GroupVersion }[]
}

interface GroupVersion {
  groupVersion: string
  version: string
}

interface ResourceList {
  resources?: {
    name: string
    singularName?: string
    kind: string
    namespaced: boolean
    shortNames?: string[]
    categories?: string[]
    verbs?: string[]
  }[]
}

const accept = ['v2', 'v2beta1']
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat('application/json')
  .join(',')

/**
 * Every resource in every version, the preferred version of a group first: two requests on new servers, one more per
 * version of each group on old ones.
 */
export async function discover(connection: ApiConnection, signal?: AbortSignal): Promise<ResourceInfo[]> {
  const call = { accept, ...(signal ? { signal } : {}) }
  const [core, groups] = await Promise.all([
    connection.json<AggregatedDiscovery & { versions?: string[] }>('/api', call),
    connection.json<AggregatedDiscovery & GroupList>('/apis', call),
  ])
  const [coreFound, groupsFound] = await Promise.all([
    core.value.items
      ? fromAggregated(core.value)
      : fromLists(
          connection,
          (core.value.versions ?? ['v1']).map((version) => ({ group: '', version, path: `/api/${version}` })),
          signal,
        ),
    groups.value.items
      ? fromAggregated(groups.value)
      : fromLists(connection, (groups.value.groups ?? []).flatMap(versionsOf), signal),
  ])
  return [...coreFound, ...groupsFound]
}

/** The one version of each resource that the server prefers. */
export function preferred(resources: readonly ResourceInfo[]): ResourceInfo[] {
  const seen = new Set<string>()
  return resources.filter(({ group, plural }) => {
    const key = `${group}/${plural}`
    return !seen.has(key) && seen.add(key)
  })
}

interface Listed {
  group: string
  version: string
  path: string
}

function versionsOf({ name, versions, preferredVersion }: NonNullable<GroupList['groups']>[number]): Listed[] {
  const first = preferredVersion?.groupVersion
  const ordered = [...versions].sort((a, b) => Number(b.groupVersion === first) - Number(a.groupVersion === first))
  return ordered.map(({ version, groupVersion }) => ({ group: name, version, path: `/apis/${groupVersion}` }))
}

async function fromLists(
  connection: ApiConnection,
  listed: readonly Listed[],
  signal: AbortSignal | undefined,
): Promise<ResourceInfo[]> {
  const lists = await Promise.all(
    listed.map(async ({ group, version, path }) => {
      // One aggregated API that is down must not hide all the others.
      const list = await connection.json<ResourceList>(path, signal ? { signal } : {}).catch(() => undefined)
      return (list?.value.resources ?? [])
        .filter(({ name }) => !name.includes('/'))
        .map((r): ResourceInfo => ({
          group,
          version,
          plural: r.name,
          singular: r.singularName ?? '',
          kind: r.kind,
          namespaced: r.namespaced,
          shortNames: r.shortNames ?? [],
          categories: r.categories ?? [],
          verbs: r.verbs ?? [],
        }))
    }),
  )
  signal?.throwIfAborted()
  return lists.flat()
}

/** Versions come in order of preference. */
function fromAggregated({ items = [] }: AggregatedDiscovery): ResourceInfo[] {
  return items.flatMap(({ metadata, versions = [] }) =>
    versions.flatMap(({ version, resources = [] }) =>
      resources.map((r): ResourceInfo => ({
        group: metadata?.name ?? '',
        version,
        plural: r.resource,
        singular: r.singularResource ?? '',
        kind: r.responseKind?.kind || r.resource,
        namespaced: r.scope === 'Namespaced',
        shortNames: r.shortNames ?? [],
        categories: r.categories ?? [],
        verbs: r.verbs ?? [],
      })),
    ),
  )
}
