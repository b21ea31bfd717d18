import type { KindIndex } from '../kinds/kind-index.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { byPreference } from './versions.ts'

export interface ServedVersion {
  version: string
  kinds: ServedKind[]
}

export interface ServedGroup {
  group: string
  /** The preferred one first. */
  versions: ServedVersion[]
}

/** Order of groups in discovery: by the priority of their APIService. Those not listed come last, by name. */
const groupOrder = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'resource.k8s.io',
  'flowcontrol.apiserver.k8s.io',
]

export function servedGroups(kinds: KindIndex): ServedGroup[] {
  const groups = new Map<string, Map<string, ServedKind[]>>()
  for (const kind of kinds.all) {
    const { group, version } = kind.definition
    const versions = mapIn(groups, group, () => new Map<string, ServedKind[]>())
    mapIn(versions, version, () => []).push(kind)
  }
  return [...groups]
    .map(([group, versions]) => ({
      group,
      versions: [...versions]
        .map(([version, served]) => ({ version, kinds: served.sort(byPlural) }))
        .sort((a, b) => byPreference(a.version, b.version)),
    }))
    .sort((a, b) => rank(a.group) - rank(b.group) || (a.group < b.group ? -1 : 1))
}

function mapIn<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

const rank = (group: string): number => (groupOrder.includes(group) ? groupOrder.indexOf(group) : groupOrder.length)
const byPlural = (a: ServedKind, b: ServedKind): number => (a.definition.plural < b.definition.plural ? -1 : 1)
