import type { ServedKind } from '../kinds/served-kind.ts'
import type { ServedGroup } from './groups.ts'
import { subresourcesOf, verbsOf } from './legacy.ts'

/** Everything in one document. v2 and v2beta1 differ in their name only. */
export function groupDiscoveryList(groups: readonly ServedGroup[], version: string): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: group ? { name: group } : {},
      versions: versions.map((served) => ({
        version: served.version,
        resources: served.kinds.map(resource),
        freshness: 'Current',
      })),
    })),
  }
}

function resource(kind: ServedKind): object {
  const { plural, singular, shortNames, categories } = kind.definition
  const subresources = subresourcesOf(kind)
  return {
    resource: plural,
    responseKind: responseKind(kind, {}, kind.kind),
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: verbsOf(kind),
    ...(shortNames?.length ? { shortNames } : {}),
    ...(categories?.length ? { categories } : {}),
    ...(subresources.length
      ? {
          subresources: subresources.map(({ name, kind: shown, group, version, verbs }) => ({
            subresource: name,
            responseKind: responseKind(kind, { group, version }, shown),
            verbs: [...verbs].sort(),
          })),
        }
      : {}),
  }
}

/** Of custom resources the group and version are spelled out, of built-in kinds only where they differ. */
function responseKind(
  { definition: { group, version, custom } }: ServedKind,
  other: { group?: string | undefined; version?: string | undefined },
  kind: string,
): object {
  const own = custom ? { group, version } : { group: '', version: '' }
  return { group: other.group ?? own.group, version: other.version ?? own.version, kind }
}
