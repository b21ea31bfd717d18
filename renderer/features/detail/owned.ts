/** What kinds of objects a kind makes: where to look for what it owns. By address, as in `replicasets.apps`. */
export const ownedKinds: Record<string, readonly string[]> = {
  'deployments.apps': ['replicasets.apps'],
  'replicasets.apps': ['pods'],
  'statefulsets.apps': ['pods', 'controllerrevisions.apps'],
  'daemonsets.apps': ['pods', 'controllerrevisions.apps'],
  'jobs.batch': ['pods'],
  'cronjobs.batch': ['jobs.batch'],
  replicationcontrollers: ['pods'],
  services: ['endpointslices.discovery.k8s.io'],
  nodes: ['leases.coordination.k8s.io'],
}
