import type { KubeObject } from '#shared/kube/object.ts'
import { kindsOf } from '../registry/define.ts'
import type { KindDefinition } from '../registry/kind.ts'
import { connector } from '../registry/subresources.ts'
import { pathSegment } from '../registry/validation/names.ts'

type Pod = KubeObject & { spec?: { nodeName?: string }; status?: { phase?: string } }
type Namespace = KubeObject & { spec?: { finalizers?: string[] }; status?: object }
type Deployment = KubeObject & { spec?: object }

const core = kindsOf('', 'v1')
const apps = kindsOf('apps', 'v1')

/** Kinds with the shapes of real ones and none of their rules. */
export const smallKinds: readonly KindDefinition[] = [
  core<Namespace>({
    kind: 'Namespace',
    plural: 'namespaces',
    namespaced: false,
    shortNames: ['ns'],
    rules: {
      more: {
        isHeld: ({ spec }) => (spec?.finalizers?.length ?? 0) > 0,
        markDeleted(object) {
          object.status = { phase: 'Terminating' }
        },
      },
    },
  }),
  core({ kind: 'ConfigMap', plural: 'configmaps', namespaced: true }),
  core({ kind: 'Secret', plural: 'secrets', namespaced: true }),
  core({ kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true }),
  core({
    kind: 'Node',
    plural: 'nodes',
    namespaced: false,
    subresources: [connector('proxy', 'NodeProxyOptions', ['create', 'delete', 'get', 'patch', 'update'])],
  }),
  core<Pod>({
    kind: 'Pod',
    plural: 'pods',
    namespaced: true,
    rules: {
      status: true,
      desired: ({ spec }) => spec,
      more: { gracePeriod: ({ spec }, requested) => (spec?.nodeName ? (requested ?? 30) : 0), answersDeleted: true },
    },
    selectableFields: {
      'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
      'status.phase': ({ status }) => status?.phase ?? '',
    },
    indexedFields: ['spec.nodeName'],
    subresources: [
      { name: 'status', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
      { name: 'log', kind: 'Pod', verbs: ['get'], connect: 'log' },
      { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'], connect: 'exec' },
    ],
  }),
  core({ kind: 'Event', plural: 'events', namespaced: true, timeToLive: 3600_000 }),
  apps<Deployment>({
    kind: 'Deployment',
    plural: 'deployments',
    namespaced: true,
    rules: { status: true, desired: ({ spec }) => spec },
  }),
  ...['ClusterRole', 'ClusterRoleBinding'].map((kind) =>
    kindsOf(
      'rbac.authorization.k8s.io',
      'v1',
    )({ kind, plural: `${kind.toLowerCase()}s`, namespaced: false, rules: { name: pathSegment } }),
  ),
  ...['Role', 'RoleBinding'].map((kind) =>
    kindsOf(
      'rbac.authorization.k8s.io',
      'v1',
    )({ kind, plural: `${kind.toLowerCase()}s`, namespaced: true, rules: { name: pathSegment } }),
  ),
]
