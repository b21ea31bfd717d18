import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Rights, WhoCan } from '#shared/ipc/access.ts'
import { clusterRoleBindings, clusterRoles } from '#shared/kube/resources.ts'
import { forbidden, notFound } from '#shared/kube/status.ts'
import { contextsOf } from '../testing/contexts.ts'
import { FakeApiServer } from '../testing/fake-api-server.ts'
import { accessRequests } from './handlers.ts'

let server: FakeApiServer
let catalogue: ReturnType<typeof contextsOf>
beforeEach(async () => {
  server = await FakeApiServer.start()
  catalogue = contextsOf(server)
})
afterEach(async () => {
  catalogue[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const signal = new AbortController().signal
const apiGroup = 'rbac.authorization.k8s.io'
const handlers = () => accessRequests(catalogue.contexts)
const whoCan = (namespace?: string) =>
  handlers()['access.whoCan'](
    {
      context: catalogue.context,
      question: { verb: 'get', group: '', resource: 'pods', namespaced: true, ...(namespace ? { namespace } : {}) },
    },
    signal,
  ) as Promise<WhoCan>
const mine = () =>
  handlers()['access.mine']({ context: catalogue.context, namespace: 'shop' }, signal) as Promise<Rights>

it('tells which lists it may not read, and shows what the others say', async () => {
  server.store.put(clusterRoles, {
    metadata: { name: 'view' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
  } as never)
  server.store.put(clusterRoleBindings, {
    metadata: { name: 'jane' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'User', name: 'jane', apiGroup }],
  } as never)
  server.fault = ({ path }) =>
    path.endsWith('/rolebindings') ? forbidden({ group: apiGroup, plural: 'rolebindings' }, '', 'not you') : undefined
  const { grants, unread } = await whoCan()
  expect(grants).toMatchObject([{ subject: { name: 'jane' }, binding: { name: 'jane' } }])
  expect(unread).toEqual([{ plural: 'rolebindings', message: expect.stringContaining('not you') as string }])
})

it('reads one namespace where one is asked for, so that rights in it suffice', async () => {
  await whoCan('shop')
  expect(server.asked(/namespaces\/shop\/(roles|rolebindings)/)).toHaveLength(2)
  expect(server.asked(/v1\/(roles|rolebindings)\?/)).toEqual([])
})

it('reads bindings alone where only who is bound is asked', async () => {
  const role = { kind: 'ClusterRole' as const, name: 'view' }
  await handlers()['access.holders']({ context: catalogue.context, role }, signal)
  await handlers()['access.subjects']({ context: catalogue.context }, signal)
  expect(server.asked(/bindings\?/)).toHaveLength(4)
  expect(server.asked(/roles\?/)).toEqual([])
})

it('fails where the server fails otherwise', async () => {
  server.fault = () => notFound({ group: '', plural: 'paths' }, 'x')
  expect((await whoCan()).unread).toHaveLength(4)
  server.fault = () => ({ code: 500, body: { kind: 'Status', code: 500, message: 'broken', reason: 'InternalError' } })
  await expect(whoCan()).rejects.toThrow('broken')
})

it('asks the server for one’s own rights, and says when it does not know all of them', async () => {
  const rules = { resourceRules: [{ verbs: ['list', 'get'], apiGroups: [''], resources: ['pods'] }] }
  let status: object = { ...rules, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/version'] }] }
  server.fault = ({ path }) =>
    path.endsWith('/selfsubjectrulesreviews')
      ? { code: 201, body: { status } }
      : { code: 201, body: { status: { userInfo: { username: 'jane', groups: ['devs'] } } } }
  expect(await mine()).toEqual({
    user: 'jane',
    groups: ['devs'],
    everything: false,
    rights: [
      { namespace: 'shop', group: '', resource: 'pods', path: '', names: [], verbs: ['get', 'list'], sources: [] },
      { namespace: '', group: '', resource: '', path: '/version', names: [], verbs: ['get'], sources: [] },
    ],
    bindings: [],
    unread: [],
  })
  expect(JSON.parse(server.asked(/selfsubjectrulesreviews/)[0]!.body)).toMatchObject({ spec: { namespace: 'shop' } })
  status = { ...rules, incomplete: true, evaluationError: 'webhook authorizer does not support it' }
  expect(await mine()).toMatchObject({ incomplete: 'webhook authorizer does not support it' })
})

it('tells one’s rights where the server does not say who one is', async () => {
  server.fault = ({ path }) =>
    path.endsWith('/selfsubjectrulesreviews')
      ? { code: 201, body: { status: { resourceRules: [], nonResourceRules: [], incomplete: false } } }
      : notFound({ group: '', plural: 'paths' }, path)
  expect(await mine()).toEqual({ groups: [], everything: false, rights: [], bindings: [], unread: [] })
})
