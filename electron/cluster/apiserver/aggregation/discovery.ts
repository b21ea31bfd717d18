import { createHash } from 'node:crypto'
import type { Document } from '../discovery/documents.ts'
import type { Remote } from './remote.ts'

/** A group's version of another server, with what it lists. */
export interface RemoteVersion {
  readonly remote: Remote
  readonly isAvailable: boolean
  /** Its APIResourceList, once it has been seen. */
  readonly resources: readonly Resource[]
}

interface Resource {
  name: string
  singularName?: string
  namespaced: boolean
  kind: string
  group?: string
  version?: string
  verbs: string[]
  shortNames?: string[]
  categories?: string[]
}

interface Group {
  name: string
  versions: { groupVersion: string; version: string }[]
  preferredVersion?: object
}
interface DiscoveryItem {
  metadata?: { name?: string }
  versions: { version: string; resources?: object[]; freshness?: string }[]
}

/** Reads an APIResourceList; nothing when it is none. */
export function resourcesIn(document: Buffer): readonly Resource[] {
  try {
    return ((JSON.parse(document.toString()) as { resources?: Resource[] }).resources ?? []).filter(({ name }) => name)
  } catch {
    return []
  }
}

/** The document with what other servers have. `priorityOf`: of a group that this server has. */
export function merged(
  path: string,
  local: Document | undefined,
  versions: readonly RemoteVersion[],
  priorityOf: (group: string) => number,
): Document | undefined {
  const isAggregated = local?.contentType.includes('as=APIGroupDiscoveryList')
  if (path === '/apis' && local) {
    const value = JSON.parse(local.body.toString()) as { groups?: Group[]; items?: DiscoveryItem[] }
    if (isAggregated) value.items = withItems(value.items ?? [], versions, priorityOf)
    else value.groups = withGroups(value.groups ?? [], versions, priorityOf)
    return documentOf(value, local.contentType)
  }
  const [, , group] = path.split('/')
  const of = versions.filter(({ remote, isAvailable }) => remote.group === group && isAvailable)
  if (!of.length || path.split('/').length !== 3) return local
  const base = local ? (JSON.parse(local.body.toString()) as Group & object) : undefined
  const [one] = withGroups(base ? [base] : [], of, priorityOf)
  return documentOf({ kind: 'APIGroup', apiVersion: 'v1', ...one }, 'application/json')
}

function documentOf(value: object, contentType: string): Document {
  const body = Buffer.from(`${JSON.stringify(value)}\n`)
  const etag = `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"`
  return { body, etag, contentType }
}

const byVersionPriority = (a: RemoteVersion, b: RemoteVersion): number =>
  b.remote.versionPriority - a.remote.versionPriority || (a.remote.version < b.remote.version ? 1 : -1)

/** Puts each in its place among those that are there, the most important first. */
function insert<T>(all: T[], added: T, nameOf: (item: T) => string, priority: (name: string) => number): void {
  const own = priority(nameOf(added))
  const before = all.findLastIndex((other) => priority(nameOf(other)) >= own)
  all.splice(before + 1, 0, added)
}

const byGroup = (versions: readonly RemoteVersion[]): [string, RemoteVersion[]][] =>
  [...Map.groupBy(versions, ({ remote }) => remote.group)].map(([group, of]) => [group, of.sort(byVersionPriority)])

const priorities =
  (versions: readonly RemoteVersion[], priorityOf: (group: string) => number) =>
  (group: string): number =>
    Math.max(
      priorityOf(group),
      ...versions.filter(({ remote }) => remote.group === group).map(({ remote }) => remote.groupPriority),
    )

function withGroups(
  local: readonly Group[],
  versions: readonly RemoteVersion[],
  priorityOf: (group: string) => number,
): Group[] {
  const groups = [...local]
  const priority = priorities(versions, priorityOf)
  for (const [name, of] of byGroup(versions.filter(({ isAvailable }) => isAvailable))) {
    const added = of.map(({ remote: { version } }) => ({ groupVersion: `${name}/${version}`, version }))
    const known = groups.findIndex((group) => group.name === name)
    if (known >= 0) groups[known] = { ...groups[known]!, versions: [...groups[known]!.versions, ...added] }
    else insert(groups, { name, versions: added, preferredVersion: added[0]! }, (group) => group.name, priority)
  }
  return groups
}

/** Also those that do not answer: clients are told that what is said of them may be old. */
function withItems(
  local: readonly DiscoveryItem[],
  versions: readonly RemoteVersion[],
  priorityOf: (group: string) => number,
): DiscoveryItem[] {
  const items = [...local]
  const priority = priorities(versions, priorityOf)
  const nameOf = ({ metadata }: DiscoveryItem) => metadata?.name ?? ''
  for (const [name, of] of byGroup(versions)) {
    const added = of.map(({ remote, isAvailable, resources }) => ({
      version: remote.version,
      ...(resources.length ? { resources: aggregated(resources, remote) } : {}),
      freshness: isAvailable ? 'Current' : 'Stale',
    }))
    const known = items.findIndex((item) => nameOf(item) === name)
    if (known >= 0) items[known] = { ...items[known]!, versions: [...items[known]!.versions, ...added] }
    else insert(items, { metadata: { name }, versions: added }, nameOf, priority)
  }
  return items
}

/** Source: aggregated discovery's conversion of legacy documents. */
function aggregated(resources: readonly Resource[], { group, version }: Remote): object[] {
  const kindOf = (resource: Resource) => ({
    group: resource.group ?? group,
    version: resource.version ?? version,
    kind: resource.kind,
  })
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => {
      const { name, namespaced, singularName, shortNames, categories, verbs } = resource
      const below = resources.filter((other) => other.name.startsWith(`${name}/`))
      return {
        resource: name,
        responseKind: kindOf(resource),
        scope: namespaced ? 'Namespaced' : 'Cluster',
        singularResource: singularName ?? '',
        verbs,
        ...(shortNames?.length ? { shortNames } : {}),
        ...(categories?.length ? { categories } : {}),
        ...(below.length
          ? {
              subresources: below.map((other) => ({
                subresource: other.name.slice(name.length + 1),
                responseKind: kindOf(other),
                verbs: other.verbs,
              })),
            }
          : {}),
      }
    })
}
