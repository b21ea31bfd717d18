import type { ClusterRole, ClusterRoleBinding } from 'kubernetes-types/rbac/v1'
import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { silentLogger } from '../../base/logger.ts'
import { kinds } from '../registry/index.ts'
import { smallCore } from '../testing/small-core.ts'
import { bootstrap } from './bootstrap.ts'
import { reconciledRbac } from './reconcile-rbac.ts'

const rule = (resource: string, ...verbs: string[]) => ({ apiGroups: [''], resources: [resource], verbs })
const role = (metadata: object, ...rules: object[]): KubeObject =>
  ({ kind: 'ClusterRole', metadata: { name: 'r', ...metadata }, rules }) as KubeObject
const binding = (name: string, ...subjects: string[]): KubeObject =>
  ({
    kind: 'ClusterRoleBinding',
    metadata: { name: 'b' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: subjects.map((subject) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: subject })),
  }) as KubeObject
const autoUpdate = (value: string) => ({
  annotations: { 'rbac.authorization.kubernetes.io/autoupdate': value },
})

it('adds the rules that a role lacks, and keeps those that it has besides', () => {
  const stored = role({}, rule('pods', 'get'), rule('nodes', 'list'))
  const expected = role({}, rule('pods', 'get', 'watch'))
  expect(reconciledRbac(stored, expected)).toMatchObject({
    update: { rules: [rule('pods', 'get'), rule('nodes', 'list'), rule('pods', 'watch')] },
  })
  expect(reconciledRbac(role({}, rule('*', '*')), expected)).toBeUndefined()
})

it('leaves alone what says so', () => {
  expect(reconciledRbac(role(autoUpdate('false')), role(autoUpdate('true'), rule('pods', 'get')))).toBeUndefined()
})

it('adds labels and annotations, and changes none', () => {
  const stored = role({ labels: { a: 'mine' }, ...autoUpdate('true') })
  const expected = role({ labels: { a: 'theirs', b: 'x' }, ...autoUpdate('true') })
  expect(reconciledRbac(stored, expected)).toMatchObject({ update: { metadata: { labels: { a: 'mine', b: 'x' } } } })
})

it('adds selectors to a role that aggregates, and ends the aggregating of one that should not', () => {
  const selecting = (...labels: string[]) => ({
    ...role({}),
    aggregationRule: { clusterRoleSelectors: labels.map((label) => ({ matchLabels: { [label]: 'true' } })) },
  })
  expect(reconciledRbac(selecting('mine'), selecting('theirs'))).toMatchObject({ update: selecting('mine', 'theirs') })
  const ended = reconciledRbac(selecting('mine'), role({}))
  expect(ended).toMatchObject({ update: { kind: 'ClusterRole' } })
  expect(ended).not.toHaveProperty('update.aggregationRule')
})

it('adds missing subjects, and makes a binding anew that leads elsewhere', () => {
  expect(reconciledRbac(binding('r', 'mine'), binding('r', 'theirs'))).toMatchObject({
    update: binding('r', 'mine', 'theirs'),
  })
  expect(reconciledRbac(binding('other', 'theirs'), binding('r', 'theirs'))).toBe('recreate')
})

it('repairs at the next start what was taken from the roles and bindings of a cluster', async () => {
  const { core, store, kind } = smallCore({ kinds })
  const facts = {
    serviceCidr: '10.96.0.0/16',
    serviceAddress: '10.96.0.1',
    authority: 'a',
    frontProxy: 'f',
    today: '2026-01-01',
  }
  const start = () => bootstrap({ core, store, logger: silentLogger, facts })
  await start()
  const written = store.revision
  await start()
  expect(store.revision).toBe(written)

  const change = async (plural: string, name: string, edit: (object: KubeObject) => void) => {
    const { objects } = kind(plural)
    const entry = objects.get(objects.keyOf(undefined, name))!
    const object = objects.copy(entry)
    edit(object)
    await objects.put(entry.key, object, entry.revision)
    return object
  }
  const read = <T>(plural: string, name: string) =>
    kind(plural).object(kind(plural).objects.get(kind(plural).objects.keyOf(undefined, name))!) as T
  const whole = read<ClusterRole>('clusterroles', 'system:node-proxier')
  await change('clusterroles', 'system:node-proxier', (object) => ((object as ClusterRole).rules = []))
  const bent = await change('clusterrolebindings', 'cluster-admin', (object) => {
    ;(object as ClusterRoleBinding).roleRef.name = 'view'
  })
  await change('clusterrolebindings', 'system:node-proxier', (object) => ((object as ClusterRoleBinding).subjects = []))
  await start()
  const healed = read<ClusterRole>('clusterroles', 'system:node-proxier')
  expect(reconciledRbac(healed, whole)).toBeUndefined()
  expect(healed.rules!.length).toBeGreaterThan(0)
  const remade = read<ClusterRoleBinding>('clusterrolebindings', 'cluster-admin')
  expect(remade.roleRef.name).toBe('cluster-admin')
  expect(remade.metadata!.uid).not.toBe(bent.metadata!.uid)
  expect(read<ClusterRoleBinding>('clusterrolebindings', 'system:node-proxier').subjects).toHaveLength(1)
})
