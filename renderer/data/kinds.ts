import type { ResourceInfo } from '#shared/ipc/contexts.ts'
import type { ResourceRef } from '#shared/ipc/queries.ts'
import * as builtin from '#shared/kube/resources.ts'

export type Family = 'workloads' | 'network' | 'config' | 'storage' | 'access' | 'cluster' | 'custom'
export const families: readonly Family[] = ['workloads', 'network', 'config', 'storage', 'access', 'cluster', 'custom']

const order: Record<Exclude<Family, 'custom'>, readonly string[]> = {
  workloads: [
    'pods',
    'deployments.apps',
    'replicasets.apps',
    'statefulsets.apps',
    'daemonsets.apps',
    'jobs.batch',
    'cronjobs.batch',
  ],
  network: ['services', 'ingresses.networking.k8s.io', 'networkpolicies.networking.k8s.io'],
  config: ['configmaps', 'secrets'],
  storage: ['persistentvolumeclaims', 'persistentvolumes', 'storageclasses.storage.k8s.io'],
  access: [
    'serviceaccounts',
    'roles.rbac.authorization.k8s.io',
    'rolebindings.rbac.authorization.k8s.io',
    'clusterroles.rbac.authorization.k8s.io',
  ],
  cluster: ['nodes', 'namespaces', 'events'],
}

/** Kinds whose group says less than their use does. */
const familyOfKind: Record<string, Family> = {
  endpoints: 'network',
  replicationcontrollers: 'workloads',
  resourcequotas: 'config',
  limitranges: 'config',
}

const familyOfGroup: Record<string, Family> = {
  '': 'cluster',
  apps: 'workloads',
  batch: 'workloads',
  autoscaling: 'workloads',
  policy: 'workloads',
  'networking.k8s.io': 'network',
  'discovery.k8s.io': 'network',
  'gateway.networking.k8s.io': 'network',
  'storage.k8s.io': 'storage',
  'snapshot.storage.k8s.io': 'storage',
  'rbac.authorization.k8s.io': 'access',
  'certificates.k8s.io': 'access',
  'admissionregistration.k8s.io': 'cluster',
  'apiextensions.k8s.io': 'cluster',
  'apiregistration.k8s.io': 'cluster',
  'coordination.k8s.io': 'cluster',
  'events.k8s.io': 'cluster',
  'flowcontrol.apiserver.k8s.io': 'cluster',
  'internal.apiserver.k8s.io': 'cluster',
  'node.k8s.io': 'cluster',
  'resource.k8s.io': 'cluster',
  'scheduling.k8s.io': 'cluster',
  'storagemigration.k8s.io': 'cluster',
  'trace.wheelhouse.dev': 'cluster',
}

const place = new Map<string, { family: Family; position: number }>()
for (const [family, ids] of Object.entries(order)) {
  ids.forEach((id, position) => place.set(id, { family: family as Family, position }))
}

/** `pods`, `deployments.apps`: what names a kind in addresses, as kubectl has it. */
export const kindId = (resource: Pick<ResourceRef, 'group' | 'plural'>): string =>
  resource.group ? `${resource.plural}.${resource.group}` : resource.plural

export const familyOf = (resource: Pick<ResourceRef, 'group' | 'plural'>): Family =>
  place.get(kindId(resource))?.family ?? familyOfKind[kindId(resource)] ?? familyOfGroup[resource.group] ?? 'custom'

/** Shown in the navigation from the start; the others of a family unfold. */
export const isCommon = (resource: Pick<ResourceRef, 'group' | 'plural'>): boolean => place.has(kindId(resource))

/** What cannot be followed (metrics, say) has no live table. */
const lists = (resource: ResourceInfo): boolean =>
  resource.verbs.includes('list') &&
  resource.verbs.includes('watch') &&
  !(resource.plural === 'events' && resource.group === 'events.k8s.io')

/** What discovery tells, in the order of the navigation. */
export function groupKinds(resources: readonly ResourceInfo[]): Record<Family, ResourceInfo[]> {
  const groups: Record<Family, ResourceInfo[]> = {
    workloads: [],
    network: [],
    config: [],
    storage: [],
    access: [],
    cluster: [],
    custom: [],
  }
  for (const resource of resources.filter(lists)) groups[familyOf(resource)].push(resource)
  for (const group of Object.values(groups)) group.sort(byPlace)
  return groups
}

function byPlace(a: ResourceInfo, b: ResourceInfo): number {
  const [left, right] = [place.get(kindId(a)), place.get(kindId(b))]
  if (left && right) return left.position - right.position
  if (left || right) return left ? -1 : 1
  return a.group.localeCompare(b.group) || a.kind.localeCompare(b.kind)
}

const shortNames: Record<string, string[]> = {
  pods: ['po'],
  deployments: ['deploy'],
  replicasets: ['rs'],
  services: ['svc'],
  configmaps: ['cm'],
  nodes: ['no'],
  events: ['ev'],
  namespaces: ['ns'],
  statefulsets: ['sts'],
  daemonsets: ['ds'],
  cronjobs: ['cj'],
  persistentvolumeclaims: ['pvc'],
  persistentvolumes: ['pv'],
  serviceaccounts: ['sa'],
  ingresses: ['ing'],
}

/** The kinds every cluster has, until its discovery answers: a table opens without waiting for it. */
export const presumedKinds: readonly ResourceInfo[] = Object.values(builtin)
  .filter((value) => typeof value === 'object')
  .map((type) => ({
    group: type.group,
    version: type.version,
    plural: type.plural,
    singular: type.kind.toLowerCase(),
    kind: type.kind,
    namespaced: type.namespaced,
    shortNames: shortNames[type.plural] ?? [],
    categories: [],
    verbs: ['list', 'watch', 'get', 'create', 'update', 'patch', 'delete'],
  }))

/** `po`, `pods`, `pod`, `Pod`, `deploy`, `deployments.apps`: as after `kubectl get`. */
export function findKind(resources: readonly ResourceInfo[], word: string): ResourceInfo | undefined {
  const wanted = word.toLowerCase()
  return (
    resources.find((r) => kindId(r) === wanted || r.plural === wanted) ??
    resources.find((r) => r.shortNames.includes(wanted)) ??
    resources.find((r) => r.singular === wanted || r.kind.toLowerCase() === wanted)
  )
}

export const refOf = ({ group, version, plural, kind, namespaced }: ResourceRef): ResourceRef => ({
  group,
  version,
  plural,
  kind,
  namespaced,
})

/** The kind an owner reference or an involved object names. */
export function kindOfReference(
  resources: readonly ResourceInfo[],
  apiVersion: string | undefined,
  kind: string,
): ResourceInfo | undefined {
  const group = apiVersion?.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  return (
    resources.find((r) => r.kind === kind && (apiVersion === undefined || r.group === group)) ??
    resources.find((r) => r.kind === kind)
  )
}

/** `Replica Sets` for ReplicaSet: plural and readable. */
export function titleOf(resource: Pick<ResourceInfo, 'kind' | 'plural'>): string {
  const spaced = resource.kind.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
  const plural = resource.plural.toLowerCase()
  const singular = resource.kind.toLowerCase()
  if (plural === singular) return spaced
  if (plural === `${singular}s`) return `${spaced}s`
  if (plural === `${singular}es`) return `${spaced}es`
  if (plural.endsWith('ies') && spaced.endsWith('y')) return `${spaced.slice(0, -1)}ies`
  return spaced
}
