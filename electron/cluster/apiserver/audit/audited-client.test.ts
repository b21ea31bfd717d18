import { expect, it } from 'vitest'
import { configMaps, pods } from '#shared/kube/resources.ts'
import { seededRandom } from '../../base/random.ts'
import { mastersAuthorizer } from '../authz/authorizer.ts'
import { LocalClient } from '../local-client.ts'
import type { AdmissionPlugin } from '../registry/kind.ts'
import { configMap, smallCore } from '../testing/small-core.ts'
import { Audit } from './audit.ts'
import { AuditedClient } from './audited-client.ts'
import { readPolicy } from './policy.ts'

const annotating: AdmissionPlugin = {
  name: 'annotating',
  validate(request) {
    request.annotate?.('pod-security.kubernetes.io/enforce-policy', 'baseline:latest')
  },
}
const controller = {
  name: 'system:serviceaccount:kube-system:replicaset-controller',
  groups: ['system:serviceaccounts', 'system:masters'],
}

function audited(rules: string, user: { name: string; groups: string[] } = controller) {
  const { core, clock } = smallCore({ admission: [annotating] })
  const events: Record<string, unknown>[] = []
  const audit = new Audit({
    clock,
    random: seededRandom(1),
    policy: readPolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n${rules}`),
    typeOf: () => undefined,
    write: (line) => void events.push(JSON.parse(line) as Record<string, unknown>),
  })
  const stop = new AbortController()
  const client = new AuditedClient({
    audit,
    authorizer: mastersAuthorizer,
    user,
    client: (annotate) =>
      new LocalClient({ core, authorizer: mastersAuthorizer, user, stopped: stop.signal, annotate }),
  })
  return { client, events, stop }
}

it('writes down what a controller does as who it is, with what admission has noted', async () => {
  const { client, events } = audited('- level: Metadata')
  await client.create(configMaps, configMap('x'), { namespace: 'a' })
  expect(events.map(({ stage }) => stage)).toEqual(['RequestReceived', 'ResponseComplete'])
  expect(events[1]).toMatchObject({
    verb: 'create',
    requestURI: '/api/v1/namespaces/a/configmaps',
    user: { username: controller.name, groups: [...controller.groups, 'system:authenticated'] },
    objectRef: { resource: 'configmaps', namespace: 'a', name: 'x', apiVersion: 'v1' },
    responseStatus: { code: 201 },
    sourceIPs: ['127.0.0.1'],
    annotations: {
      'authorization.k8s.io/decision': 'allow',
      'pod-security.kubernetes.io/enforce-policy': 'baseline:latest',
    },
  })
  expect(events[1]).not.toHaveProperty('requestObject')
})

it('adds what was sent and answered where the policy wants bodies', async () => {
  const { client, events } = audited('- level: RequestResponse\n  omitStages: [RequestReceived]')
  await client.create(configMaps, configMap('x', { data: { a: 'b' } }), { namespace: 'a' })
  await client.patch(configMaps, { namespace: 'a', name: 'x' }, 'merge', { data: { a: 'c' } })
  expect(events[0]).toMatchObject({ requestObject: { kind: 'ConfigMap', data: { a: 'b' } } })
  expect(events[1]).toMatchObject({
    verb: 'patch',
    requestObject: { data: { a: 'c' } },
    responseObject: { kind: 'ConfigMap', data: { a: 'c' } },
  })
})

it('writes down of a deletion what is sent, not what the trace is told', async () => {
  const { client, events } = audited('- level: Request\n  omitStages: [RequestReceived]')
  await client.create(configMaps, configMap('x'), { namespace: 'a' })
  const cause = { apiVersion: 'apps/v1', kind: 'ReplicaSet', namespace: 'a', name: 'web', uid: '1' }
  await client.delete(configMaps, { namespace: 'a', name: 'x' }, { propagationPolicy: 'Background', cause })
  expect(events[1]).toHaveProperty('requestObject', {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    propagationPolicy: 'Background',
  })
})

it('writes down what was refused, and why', async () => {
  const { client, events } = audited('- level: Metadata\n  omitStages: [RequestReceived]', {
    name: 'nobody',
    groups: [],
  })
  await expect(client.get(pods, { namespace: 'a', name: 'p' })).rejects.toMatchObject({ status: { code: 403 } })
  expect(events).toMatchObject([
    {
      verb: 'get',
      responseStatus: { status: 'Failure', reason: 'Forbidden', code: 403 },
      annotations: { 'authorization.k8s.io/decision': 'forbid' },
    },
  ])
})

it('writes down a watch when it begins and when it ends', async () => {
  const { client, events, stop } = audited('- level: Metadata\n  verbs: [watch]')
  const watch = client.watch(configMaps, { namespace: 'a', resourceVersion: '0', signal: stop.signal })
  const reading = watch[Symbol.asyncIterator]().next()
  stop.abort()
  await reading
  expect(events.map(({ stage }) => stage)).toEqual(['RequestReceived', 'ResponseStarted', 'ResponseComplete'])
  expect(events[0]).toMatchObject({ requestURI: '/api/v1/namespaces/a/configmaps?watch=true&resourceVersion=0' })
})

it('leaves out what the policy leaves out', async () => {
  const { client, events } = audited(
    '- level: None\n  users: ["system:serviceaccount:kube-system:replicaset-controller"]\n- level: Metadata',
  )
  await client.list(configMaps)
  expect(events).toEqual([])
})
