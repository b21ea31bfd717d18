/** What the garbage collector takes along, by address of the owner's kind. `through`: the kinds that those own in turn. */
export const dependents: Record<string, readonly { kind: string; through?: string }[]> = {
  'deployments.apps': [{ kind: 'replicasets.apps', through: 'pods' }],
  'replicasets.apps': [{ kind: 'pods' }],
  'statefulsets.apps': [{ kind: 'pods' }],
  'daemonsets.apps': [{ kind: 'pods' }],
  replicationcontrollers: [{ kind: 'pods' }],
  'jobs.batch': [{ kind: 'pods' }],
  'cronjobs.batch': [{ kind: 'jobs.batch', through: 'pods' }],
  services: [{ kind: 'endpointslices.discovery.k8s.io' }],
}

/** What a person would miss most of a namespace. */
export const namespaceKinds: readonly string[] = [
  'pods',
  'deployments.apps',
  'statefulsets.apps',
  'services',
  'configmaps',
  'secrets',
  'persistentvolumeclaims',
]
