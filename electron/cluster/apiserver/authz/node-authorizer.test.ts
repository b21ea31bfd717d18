import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { kindsOf } from '../registry/define.ts'
import { smallKinds } from '../testing/kinds.ts'
import { smallCore } from '../testing/small-core.ts'
import type { Attributes } from './authorizer.ts'
import { nodeAuthorizer } from './node-authorizer.ts'
import { NodeRelations } from './node-relations.ts'

const core = kindsOf('', 'v1')
const kinds = [
  ...smallKinds,
  core({ kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims', namespaced: true }),
  core({ kind: 'PersistentVolume', plural: 'persistentvolumes', namespaced: false }),
]

const pod = (name: string, spec: object, metadata: object = {}): KubeObject =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec }) as KubeObject

const spec = {
  nodeName: 'n1',
  serviceAccountName: 'builder',
  imagePullSecrets: [{ name: 'pull' }],
  containers: [
    { name: 'app', env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'env', key: 'x' } } }] },
    { name: 'side', envFrom: [{ configMapRef: { name: 'settings' } }] },
  ],
  volumes: [
    { name: 's', secret: { secretName: 'mounted' } },
    { name: 'p', projected: { sources: [{ secret: { name: 'part' } }, { configMap: { name: 'piece' } }] } },
    { name: 'd', persistentVolumeClaim: { claimName: 'data' } },
  ],
}

/** What node n1 is answered, with pod `web` bound to it, its claim and its volume. */
async function asNode(...pods: KubeObject[]) {
  const small = smallCore({ kinds })
  for (const object of pods) await small.create(object)
  await small.create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: { volumeName: 'v1' },
  } as KubeObject)
  await small.create({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'v1' },
    spec: {
      claimRef: { namespace: 'a', name: 'data' },
      csi: { nodeStageSecretRef: { namespace: 'storage', name: 'key' } },
    },
  } as KubeObject)
  const rbac = { clusterRole: () => [{ apiGroups: [''], resources: ['services'], verbs: ['list'] }] }
  const authorizer = nodeAuthorizer(rbac, new NodeRelations(small.core.kinds))
  return (verb: string, resource: string, name = '', more: Partial<Attributes> = {}) => {
    const { allowed, reason } = authorizer.authorize({
      user: { name: 'system:node:n1', groups: ['system:nodes'] },
      verb,
      isResource: true,
      group: '',
      version: 'v1',
      resource,
      subresource: '',
      namespace: 'a',
      name,
      path: '',
      ...more,
    })
    return allowed || reason
  }
}

const unrelated = "no relationship found between node 'n1' and this object"

it('lets a node read what its pods name, and nothing else', async () => {
  const may = await asNode(pod('web', spec))
  for (const name of ['pull', 'env', 'mounted', 'part']) expect(may('get', 'secrets', name)).toBe(true)
  for (const name of ['settings', 'piece']) expect(may('watch', 'configmaps', name)).toBe(true)
  expect(may('get', 'secrets', 'other')).toBe(unrelated)
  expect(may('get', 'secrets', 'env', { namespace: 'b' })).toBe(unrelated)
  expect(may('list', 'secrets')).toBe('No Object name found')
  expect(may('list', 'secrets', '', { namespace: '' })).toBe('can only read namespaced object of this type')
  expect(may('update', 'secrets', 'env')).toBe('can only read resources of this type')
})

it('follows claims to volumes, and volumes to their secrets', async () => {
  const may = await asNode(pod('web', spec))
  expect(may('get', 'persistentvolumeclaims', 'data')).toBe(true)
  expect(may('get', 'persistentvolumes', 'v1', { namespace: '' })).toBe(true)
  expect(may('get', 'secrets', 'key', { namespace: 'storage' })).toBe(true)
  expect(may('list', 'persistentvolumes', '', { namespace: '' })).toBe('can only get individual resources of this type')
})

it('forgets what it may when the pod is elsewhere, and trusts no pod that the node made itself', async () => {
  const elsewhere = await asNode(pod('web', { ...spec, nodeName: 'n2' }))
  expect(elsewhere('get', 'secrets', 'env')).toBe(unrelated)
  const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' } }
  const mirrored = await asNode(pod('web', spec, mirror))
  expect(mirrored('get', 'secrets', 'env')).toBe(unrelated)
})

it('gives tokens of accounts that its pods run as', async () => {
  const may = await asNode(pod('web', spec))
  const token = { subresource: 'token' }
  expect(may('create', 'serviceaccounts', 'builder', token)).toBe(true)
  expect(may('create', 'serviceaccounts', 'admin', token)).toBe(unrelated)
  expect(may('get', 'serviceaccounts', 'builder')).toBe('can only create tokens for individual service accounts')
})

it('sees its own pods, node, lease and CSINode, and no others', async () => {
  const may = await asNode(pod('web', spec), pod('other', { nodeName: 'n2' }))
  const selecting = (value: string) => ({
    namespace: '',
    fieldSelector: [{ field: 'spec.nodeName', equals: true, value }],
  })
  expect(may('watch', 'pods', '', selecting('n1'))).toBe(true)
  expect(may('watch', 'pods', '', selecting('n2'))).toBe('can only list/watch pods with spec.nodeName field selector')
  expect(may('get', 'pods', 'web')).toBe(true)
  expect(may('get', 'pods', 'other')).toBe(unrelated)
  expect(may('patch', 'pods', 'web', { subresource: 'status' })).toBe(true)
  expect(may('get', 'pods', 'web', { subresource: 'log' })).toBe('')
  expect(may('get', 'nodes', 'n1', { namespace: '' })).toBe(true)
  expect(may('get', 'nodes', 'n2', { namespace: '' })).toBe("node 'n1' cannot read 'n2', only its own Node object")
  const lease = { group: 'coordination.k8s.io', namespace: 'kube-node-lease' }
  expect(may('update', 'leases', 'n1', lease)).toBe(true)
  expect(may('update', 'leases', 'n2', lease)).toContain('with the same name as the requesting node')
  const csi = { group: 'storage.k8s.io', namespace: '' }
  expect(may('create', 'csinodes', '', csi)).toBe(true)
  expect(may('list', 'csinodes', '', csi)).toContain('can only get, create, update, patch, or delete a CSINode')
})

it('leaves the rest to the role of nodes, and users that are none to others', async () => {
  const may = await asNode()
  expect(may('list', 'services')).toBe(true)
  expect(may('delete', 'services')).toBe('')
  expect(may('list', 'services', '', { user: { name: 'system:node:n1', groups: [] } })).toBe('')
  expect(may('list', 'services', '', { user: { name: 'jane', groups: ['system:nodes'] } })).toBe('')
})
