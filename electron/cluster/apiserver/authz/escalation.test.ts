import { beforeEach, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { createObject } from '../handlers/create.ts'
import { updateObject } from '../handlers/update.ts'
import type { AdmissionPlugin, UserInfo } from '../registry/kind.ts'
import { smallCore, type SmallCore } from '../testing/small-core.ts'
import { escalationCheck } from './escalation.ts'
import { RbacAuthorizer } from './rbac.ts'

const apiVersion = 'rbac.authorization.k8s.io/v1'
const jane: UserInfo = { name: 'jane', groups: ['system:authenticated'] }
const role = (name: string, rules: object[], more: object = {}) =>
  ({ apiVersion, kind: 'ClusterRole', metadata: { name }, rules, ...more }) as KubeObject
const rule = (verbs: string[], resources = ['pods'], apiGroups = ['']) => ({ apiGroups, resources, verbs })
const bindingOf = (name: string, to = 'someone') =>
  ({
    apiVersion,
    kind: 'RoleBinding',
    metadata: { name: `${name}-${to}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'User', name: to }],
  }) as KubeObject

let small: SmallCore

/** Jane may what the rules say, everywhere. */
beforeEach(async () => {
  let rbac: RbacAuthorizer | undefined
  const admission: AdmissionPlugin[] = []
  small = smallCore({ admission })
  admission.push(escalationCheck({ authorizer: () => rbac!, rbac: () => rbac }))
  rbac = new RbacAuthorizer(small.core.kinds)
})

async function give(...rules: object[]): Promise<void> {
  await small.create(role('janes', rules))
  await small.create({
    ...bindingOf('janes', 'jane'),
    kind: 'ClusterRoleBinding',
    metadata: { name: 'janes' },
  } as KubeObject)
}

const asJane = (object: KubeObject) =>
  createObject(small.core, small.op(`${object.kind!.toLowerCase()}s`, '', { user: jane }), structuredClone(object))

it('lets nobody make a role of more than they have', async () => {
  await give(rule(['get', 'list'], ['*/scale', 'pods']))
  await asJane(role('less', [rule(['get'])]))
  await expect(asJane(role('more', [rule(['get', 'list', 'delete', 'watch'], ['pods', 'secrets'])]))).rejects.toThrow(
    'clusterroles.rbac.authorization.k8s.io "more" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
      '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "watch"]}\n' +
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list" "delete" "watch"]}',
  )
  await asJane(role('part', [rule(['get'], ['deployments/scale'])]))
  await expect(asJane(role('wild', [rule(['*'])]))).rejects.toThrow('Verbs:["*"]')
})

it('lets who may escalate do so', async () => {
  await give({ apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['escalate'] })
  await expect(asJane(role('more', [rule(['delete'])]))).resolves.toMatchObject({ created: true })
})

it('checks what is bound, unless its binder may bind it', async () => {
  await small.create(role('deleter', [rule(['delete'])]))
  await expect(asJane(bindingOf('deleter'))).rejects.toThrow(
    'is attempting to grant RBAC permissions not currently held',
  )
  await expect(asJane(bindingOf('absent'))).rejects.toThrow('clusterroles.rbac.authorization.k8s.io "absent" not found')
  await give({
    apiGroups: ['rbac.authorization.k8s.io'],
    resources: ['clusterroles'],
    resourceNames: ['deleter'],
    verbs: ['bind'],
  })
  await asJane(bindingOf('deleter'))
})

it('lets only who has everything aggregate', async () => {
  const all = role('all', [], { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { x: 'y' } }] } })
  await expect(asJane(all)).rejects.toThrow('must have cluster-admin privileges to use an aggregationRule')
  await give({ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }, { nonResourceURLs: ['*'], verbs: ['*'] })
  await asJane(all)
})

it('does not mind changes of metadata, or by masters', async () => {
  await small.create(role('deleter', [rule(['delete'])]))
  const change = (user: UserInfo, edit: (object: KubeObject & { rules?: object[] }) => void) =>
    updateObject(small.core, small.op('clusterroles', 'deleter', { user }), {
      produce(old) {
        const object = structuredClone(old!)
        edit(object)
        return object
      },
    })
  await change(jane, (object) => (object.metadata!.labels = { a: 'b' }))
  const more = (object: { rules?: object[] }) => void object.rules!.push(rule(['create']))
  await expect(change(jane, more)).rejects.toThrow('not currently held')
  await change({ name: 'root', groups: ['system:masters'] }, more)
})
