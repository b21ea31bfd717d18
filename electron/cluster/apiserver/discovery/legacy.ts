import { createHash } from 'node:crypto'
import type { ServedKind } from '../kinds/served-kind.ts'
import type { Subresource } from '../registry/kind.ts'
import type { ServedGroup, ServedVersion } from './groups.ts'

const versionOf = (group: string, version: string) => ({ groupVersion: `${group}/${version}`, version })

export function apiGroup({ group, versions }: ServedGroup): object {
  const all = versions.map(({ version }) => versionOf(group, version))
  return { name: group, versions: all, preferredVersion: all[0] }
}

export const apiGroupList = (groups: readonly ServedGroup[]): object => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: groups.filter(({ group }) => group !== '').map(apiGroup),
})

export function apiResourceList(group: string, { version, kinds }: ServedVersion): object {
  return {
    kind: 'APIResourceList',
    ...(group ? { apiVersion: 'v1' } : {}),
    groupVersion: group ? `${group}/${version}` : version,
    resources: kinds.flatMap((kind) => [resource(kind), ...subresourcesOf(kind).map((sub) => subresource(kind, sub))]),
  }
}

export const subresourcesOf = (kind: ServedKind): Subresource[] =>
  [...kind.subresources.values()].sort((a, b) => (a.name < b.name ? -1 : 1))

const customVerbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch']
const terminatingVerbs = ['delete', 'deletecollection', 'get', 'list', 'watch']

/** Custom resources come with their verbs in an order of their own, and with fewer once they are being removed. */
export function verbsOf({ verbs, definition }: ServedKind): string[] {
  if (!definition.custom) return [...verbs].sort()
  return definition.refused ? terminatingVerbs : customVerbs
}

function resource(kind: ServedKind): object {
  const { plural, singular, shortNames, categories } = kind.definition
  return {
    name: plural,
    singularName: singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: verbsOf(kind),
    ...(shortNames?.length ? { shortNames } : {}),
    ...(categories?.length ? { categories } : {}),
    ...(kind.stored ? { storageVersionHash: storageVersionHash(kind) } : {}),
  }
}

const subresource = (kind: ServedKind, { name, kind: shown, group, version, verbs }: Subresource): object => ({
  name: `${kind.definition.plural}/${name}`,
  singularName: '',
  namespaced: kind.namespaced,
  ...(group ? { group } : {}),
  ...(version ? { version } : {}),
  kind: shown,
  verbs: [...verbs].sort(),
})

/** Kinds that upstream stores in an older version than the one it serves. */
const olderStorage: Readonly<Record<string, string>> = {
  CustomResourceDefinition: 'v1beta1',
  MutatingAdmissionPolicy: 'v1beta1',
  MutatingAdmissionPolicyBinding: 'v1beta1',
}

/** Source: apiserver/pkg/endpoints/discovery/storageversionhash.go. */
function storageVersionHash({ kind, definition }: ServedKind): string {
  const { group, version } = definition.convert?.storage ?? definition
  const digest = createHash('sha256')
    .update(`${group}/${olderStorage[kind] ?? version}/${kind}`)
    .digest()
  return digest.subarray(0, 8).toString('base64')
}
