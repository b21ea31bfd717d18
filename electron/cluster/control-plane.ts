import { existsSync } from 'node:fs'
import {
  defaultIngressClassAnnotation,
  ingressClassName,
  ingressController,
  ingressUser,
  isDefaultIngressClass,
} from '#shared/kube/ingress.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import {
  clusterRoleBindings,
  clusterRoles,
  ingressClasses,
  networkPolicies,
  services,
  storageClasses,
  type ResourceType,
} from '#shared/kube/resources.ts'
import { isAlreadyExists } from '#shared/kube/status.ts'
import { hostDirectory, isDefaultClass } from '#shared/kube/storage.ts'
import { traceGroup } from '#shared/kube/trace.ts'
import { plugins } from './apiserver/admission/index.ts'
import { directoryKeyFiles, memoryKeyFiles } from './apiserver/pki/key-files.ts'
import { openPki, type Pki } from './apiserver/pki/pki.ts'
import { serviceReservation } from './apiserver/registry/core/service/allocator.ts'
import { kinds } from './apiserver/registry/index.ts'
import type { KindDefinition } from './apiserver/registry/kind.ts'
import { createApiServer, type ApiServer, type ApiServerDeps } from './apiserver/server.ts'
import type { Clock } from './base/clock.ts'
import type { Logger } from './base/logger.ts'
import type { Random } from './base/random.ts'
import type { KubeClient } from './client/api.ts'
import { apiServiceAddress, clusterDomain, dnsAddress, serviceCidr } from './options.ts'
import type { Store } from './store/api.ts'

export interface ControlPlaneDeps {
  store: Store
  clock: Clock
  random: Random
  logger: Logger
  /** Where keys are kept; undefined: in memory. */
  keysDirectory: string | undefined
  descriptionsFile: string
  /** The program that reads large bodies in YAML. */
  yamlWorker?: ApiServerDeps['yamlWorker']
  /** Without loops of its own: whatever acts on the objects comes from outside. */
  bare?: boolean
  /** What is written down of requests, and where to; absent: nothing. */
  audit?: ApiServerDeps['audit']
  /** Whose tokens are believed besides the cluster's own. */
  authentication?: ApiServerDeps['authentication']
  /** Freezes shared objects: for tests. */
  freeze?: boolean
  /** Kinds that are served besides those of Kubernetes itself. */
  moreKinds?: readonly KindDefinition[]
  /** Told of every write. */
  wrote?: ApiServerDeps['wrote']
  /** Why NetworkPolicies hold nothing back, where they do not. */
  unenforced?: () => string | undefined
  locate?: ApiServerDeps['locate']
}

export interface ControlPlane extends AsyncDisposable {
  pki: Pki
  server: ApiServer
}

/** Keys and API server over a store, not listening yet. */
export async function startControlPlane({
  store,
  clock,
  random,
  logger,
  keysDirectory,
  descriptionsFile,
  yamlWorker,
  bare,
  audit,
  authentication,
  freeze,
  moreKinds = [],
  wrote,
  unenforced,
  locate,
}: ControlPlaneDeps): Promise<ControlPlane> {
  const files = keysDirectory === undefined ? memoryKeyFiles() : directoryKeyFiles(keysDirectory)
  const pki = openPki({ files, clock, serviceAddress: apiServiceAddress, clusterDomain })
  const server = await createApiServer({
    store,
    clock,
    random,
    logger: logger.child('apiserver'),
    pki,
    kinds: [...kinds.map((kind) => ({ ...kind, ...(bare ? { acted: true } : idle(kind, unenforced)) })), ...moreKinds],
    admission: plugins,
    reservations: [serviceReservation()],
    serviceCidr,
    serviceAddress: apiServiceAddress,
    ...(existsSync(descriptionsFile) ? { descriptionsFile } : {}),
    ...(audit ? { audit } : {}),
    authentication,
    yamlWorker,
    ...(freeze ? { freeze } : {}),
    ...(wrote ? { wrote } : {}),
    locate,
  })
  return { pki, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

/**
 * The identity of the service proxy and of DNS, of the simulator, and of who removes the directories of volumes: RBAC
 * gives them what they need and no more.
 */
export const proxyUser = 'system:kube-proxy'
export const simulatorUser = 'wheelhouse:simulator'
export const volumesUser = 'wheelhouse:host-directories'
const provisioner = 'wheelhouse:host-directory-provisioner'

const idle = ({ plural }: KindDefinition, unenforced: ControlPlaneDeps['unenforced']): Pick<KindDefinition, 'idle'> =>
  plural === networkPolicies.plural && unenforced ? { idle: unenforced } : {}

/** What claims get that ask for no class: directories of the node that their first pod runs on. */
const standardClass = (isDefault: boolean) => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: 'standard',
    ...(isDefault ? { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } : {}),
  },
  provisioner: hostDirectory,
  volumeBindingMode: 'WaitForFirstConsumer',
  reclaimPolicy: 'Delete',
  allowVolumeExpansion: true,
})

/** What Ingresses get that name no class. */
const ownIngressClass = (isDefault: boolean) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: {
    name: ingressClassName,
    ...(isDefault ? { annotations: { [defaultIngressClassAnnotation]: 'true' } } : {}),
  },
  spec: { controller: ingressController },
})

/** What Wheelhouse itself adds to a cluster's first objects: rights of its agent, the service of DNS, a class of storage and one of Ingresses. */
export async function makeOwnObjects(client: KubeClient): Promise<void> {
  const role = (name: string, rules: object[], labels?: Record<string, string>) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, ...(labels ? { labels } : {}) },
    rules,
  })
  const aggregated = (to: string) => `rbac.authorization.k8s.io/aggregate-to-${to}`
  const binding = (name: string, user: string) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  })
  const dns = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace: 'kube-system',
      labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/name': 'CoreDNS' },
    },
    spec: {
      clusterIP: dnsAddress,
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
    },
  }
  const events = { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] }
  const [classes, classesOfIngresses] = await Promise.all([client.list(storageClasses), client.list(ingressClasses)])
  const objects: [ResourceType, KubeObject][] = [
    // The proxy reports which ports of the machine it could have, and policies select pods.
    [
      clusterRoles,
      role('wheelhouse:service-proxy', [
        { apiGroups: [''], resources: ['services'], verbs: ['patch'] },
        { apiGroups: [''], resources: ['namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
        events,
      ]),
    ],
    [clusterRoleBindings, binding('wheelhouse:service-proxy', proxyUser)],
    // Which Secrets it may read, another authorizer says: those that Ingresses name.
    [
      clusterRoles,
      role(ingressUser, [
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: ['list', 'watch'] },
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['patch'] },
        events,
      ]),
    ],
    [clusterRoleBindings, binding(ingressUser, ingressUser)],
    [
      clusterRoles,
      role(simulatorUser, [
        { apiGroups: [''], resources: ['nodes', 'nodes/status', 'pods', 'pods/status'], verbs: ['*'] },
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] },
        { apiGroups: ['resource.k8s.io'], resources: ['resourceslices'], verbs: ['*'] },
        { apiGroups: ['resource.k8s.io'], resources: ['deviceclasses'], verbs: ['create'] },
        events,
      ]),
    ],
    [clusterRoleBindings, binding(simulatorUser, simulatorUser)],
    [
      clusterRoles,
      role(volumesUser, [
        { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['get', 'list', 'watch', 'update'] },
        events,
      ]),
    ],
    [clusterRoleBindings, binding(volumesUser, volumesUser)],
    [
      clusterRoles,
      role(provisioner, [
        { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['create', 'delete', 'update'] },
        { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['update'] },
        { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
        events,
      ]),
    ],
    [clusterRoleBindings, binding(provisioner, 'system:serviceaccount:kube-system:host-directory-provisioner')],
    // As metrics-server's own manifests have it: who may view may see what is used.
    [
      clusterRoles,
      role(
        'system:aggregated-metrics-reader',
        [{ apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
        { [aggregated('view')]: 'true', [aggregated('edit')]: 'true', [aggregated('admin')]: 'true' },
      ),
    ],
    [
      clusterRoles,
      role(
        'wheelhouse:trace-reader',
        [{ apiGroups: [traceGroup], resources: ['traces', 'schedulingdecisions'], verbs: ['get', 'list', 'watch'] }],
        { [aggregated('view')]: 'true' },
      ),
    ],
    [services, dns],
    [ingressClasses, ownIngressClass(!classesOfIngresses.items.some((each) => isDefaultIngressClass(each)))],
    [storageClasses, standardClass(!classes.items.some((each) => isDefaultClass(each)))],
  ]
  await Promise.all(
    objects.map(([type, object]) =>
      client.create(type, object).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error
        // A cluster of an earlier version: its loops may need more by now.
        if (type === clusterRoles && 'rules' in object)
          return client.patch(type, { name: object.metadata!.name! }, 'merge', { rules: object.rules })
      }),
    ),
  )
}
