import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configMaps, namespaces } from '#shared/kube/resources.ts'
import type { StatusError } from '#shared/kube/status.ts'
import { configMap, object, onConfigMaps, registration, registrations } from '../admission/policies/testing.ts'
import { fullServer, type FullServer } from '../testing/full-server.ts'
import { jsonPatch, webhookServer, type Respond, type WebhookServer } from '../testing/webhook-server.ts'

let server: FullServer
let hook: WebhookServer
let respond: Respond

beforeEach(async () => {
  respond = () => ({ allowed: true })
  server = await fullServer()
  hook = await webhookServer((asked) => respond(asked))
  await server.client.create(namespaces, object('v1', 'Namespace', { name: 'a', labels: { team: 'x' } }))
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await hook[Symbol.asyncDispose]()
})

const webhook = (name: string, more: object = {}) => ({
  name: `${name}.example.com`,
  clientConfig: { url: `${hook.url}/${name}`, caBundle: hook.caBundle },
  rules: onConfigMaps.resourceRules,
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  ...more,
})

const configure = (sort: 'validating' | 'mutating', name: string, ...webhooks: object[]) => {
  const type = registrations[`${sort}Webhooks`]
  return server.client.create(type, registration(type, name, { webhooks }))
}

const create = (data: Record<string, string> = { a: '1' }, metadata: object = {}, options: object = {}) =>
  server.client.create(configMaps, configMap(data, metadata), options)

async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
    return ''
  } catch (error) {
    return (error as StatusError).message
  }
}

describe('a validating webhook', () => {
  it('is asked in the shape of admission.k8s.io/v1, from the next request on and until it is removed', async () => {
    await create({}, { name: 'before' })
    await configure('validating', 'v', webhook('v'))
    await create({ a: '1' })
    expect(hook.asked).toHaveLength(1)
    expect(hook.asked[0]).toMatchObject({
      path: '/v?timeout=10s',
      body: {
        kind: 'AdmissionReview',
        apiVersion: 'admission.k8s.io/v1',
        request: {
          uid: expect.any(String),
          kind: { group: '', version: 'v1', kind: 'ConfigMap' },
          resource: { group: '', version: 'v1', resource: 'configmaps' },
          requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
          name: 'c',
          namespace: 'a',
          operation: 'CREATE',
          userInfo: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
          object: {
            kind: 'ConfigMap',
            apiVersion: 'v1',
            metadata: { name: 'c', uid: expect.any(String) },
            data: { a: '1' },
          },
          oldObject: null,
          dryRun: false,
          options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
        },
      },
    })
    await server.client.delete(registrations.validatingWebhooks, { name: 'v' })
    await server.client.delete(configMaps, { namespace: 'a', name: 'c' })
    await create()
    expect(hook.asked).toHaveLength(1)
  })

  it('refuses with its own status', async () => {
    await configure('validating', 'v', webhook('v'))
    respond = () => ({ allowed: false, status: { code: 403, reason: 'Forbidden', message: 'because' } })
    await expect(create()).rejects.toMatchObject({
      status: {
        status: 'Failure',
        code: 403,
        reason: 'Forbidden',
        message: 'admission webhook "v.example.com" denied the request: because',
      },
    })
    respond = () => ({ allowed: false })
    await expect(create()).rejects.toMatchObject({
      status: { code: 400, message: 'admission webhook "v.example.com" denied the request without explanation' },
    })
  })

  it('that fails closes the door or leaves it open, as its policy says', async () => {
    await configure('validating', 'v', webhook('v'))
    const failed = 'Internal error occurred: failed calling webhook "v.example.com": '
    respond = () => ({ status: 500, text: 'boom' })
    expect(await refusal(create())).toBe(
      `${failed}failed to call webhook: an error on the server ("boom") has prevented the request from succeeding`,
    )
    respond = () => ({ uid: 'other', allowed: true })
    expect(await refusal(create())).toContain(`${failed}received invalid webhook response: expected response.uid=`)
    await server.client.patch(registrations.validatingWebhooks, { name: 'v' }, 'json', [
      { op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' },
    ])
    expect(await refusal(create())).toBe('')
  })

  it('that cannot be reached is spoken of like client-go does', async () => {
    const to = (clientConfig: object) => webhook('v', { clientConfig })
    await configure('validating', 'v', to({ url: 'https://127.0.0.1:1/x' }))
    expect(await refusal(create())).toBe(
      'Internal error occurred: failed calling webhook "v.example.com": failed to call webhook: Post "https://127.0.0.1:1/x?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
    )
    await server.client.delete(registrations.validatingWebhooks, { name: 'v' })
    await configure('validating', 'v', to({ url: hook.url }))
    expect(await refusal(create())).toContain(
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    )
    await server.client.delete(registrations.validatingWebhooks, { name: 'v' })
    await configure('validating', 'v', to({ service: { name: 's', namespace: 'n', path: '/p' } }))
    expect(await refusal(create())).toContain(
      'failed to call webhook: Post "https://s.n.svc:443/p?timeout=10s": service "s" not found',
    )
  })

  it('that does not answer in time has failed', async () => {
    await configure('validating', 'v', webhook('v', { timeoutSeconds: 1 }))
    respond = () => 'silence'
    expect(await refusal(create())).toContain(`/v?timeout=1s": context deadline exceeded`)
  })

  it('is told of dry runs', async () => {
    await configure('validating', 'v', webhook('v'))
    await create({}, {}, { dryRun: true })
    expect(hook.asked[0]?.body.request).toMatchObject({ dryRun: true })
  })

  it('keeps its connection', async () => {
    await configure('validating', 'v', webhook('v'))
    for (const name of ['a', 'b', 'c', 'd']) await create({}, { name })
    expect([hook.asked.length, hook.connections]).toEqual([4, 1])
  })

  it('is asked only about what its selectors and conditions let through', async () => {
    await configure(
      'validating',
      'v',
      webhook('v', {
        namespaceSelector: { matchLabels: { team: 'x' } },
        objectSelector: { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] },
        matchConditions: [{ name: 'named', expression: 'object.metadata.name.startsWith("x")' }],
      }),
    )
    await create({}, { name: 'x1', labels: { skip: '1' } })
    await create({}, { name: 'y' })
    expect(hook.asked).toHaveLength(0)
    await create({}, { name: 'x2' })
    expect(hook.asked).toHaveLength(1)
  })

  it('cannot forbid its own removal', async () => {
    const everything = [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], operations: ['*'] }]
    await configure('validating', 'v', webhook('v', { rules: everything }))
    respond = () => ({ allowed: false })
    expect(await refusal(create())).not.toBe('')
    await server.client.delete(registrations.validatingWebhooks, { name: 'v' })
    expect(await refusal(create())).toBe('')
  })
})

describe('mutating webhooks', () => {
  it('are asked in order of their names, each about what the last one made', async () => {
    await configure('mutating', 'b', webhook('b2'))
    await configure('mutating', 'a', webhook('a1'), webhook('a2'))
    respond = ({ path }) => {
      const name = path.slice(1, 3)
      return { allowed: true, ...jsonPatch([{ op: 'add', path: `/data/${name}`, value: String(hook.asked.length) }]) }
    }
    const made = await create({ own: '0' })
    expect(made).toMatchObject({ data: { own: '0', a1: '1', a2: '2', b2: '3' } })
    expect((hook.asked[2]!.body.request.object as { data: object }).data).toEqual({ own: '0', a1: '1', a2: '2' })
  })

  it('are asked again when a later one changed the object and they want to know', async () => {
    await configure('mutating', 'm', webhook('m1', { reinvocationPolicy: 'IfNeeded' }), webhook('m2'))
    respond = ({ path }) =>
      path.startsWith('/m2')
        ? { allowed: true, ...jsonPatch([{ op: 'add', path: '/data/m2', value: 'x' }]) }
        : { allowed: true }
    await create()
    expect(hook.asked.map(({ path }) => path.slice(1, 3))).toEqual(['m1', 'm2', 'm1'])
  })

  it('have what they made defaulted and validated like what clients send', async () => {
    const rules = [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }]
    await configure('mutating', 'm', webhook('m', { rules }))
    respond = () => ({
      allowed: true,
      ...jsonPatch([{ op: 'add', path: '/spec/containers/-', value: { name: 'side', image: 's', unknown: 1 } }]),
    })
    const core = (plural: string, kind: string) => ({ group: '', version: 'v1', plural, kind, namespaced: true })
    await server.client.create(
      core('serviceaccounts', 'ServiceAccount'),
      object('v1', 'ServiceAccount', { name: 'default', namespace: 'a' }),
    )
    const pod = object(
      'v1',
      'Pod',
      { name: 'p', namespace: 'a' },
      { spec: { containers: [{ name: 'c', image: 'i' }] } },
    )
    const made = await server.client.create(core('pods', 'Pod'), pod)
    const [, side] = (made as unknown as { spec: { containers: Record<string, unknown>[] } }).spec.containers
    expect(side).toMatchObject({
      name: 'side',
      terminationMessagePath: '/dev/termination-log',
      imagePullPolicy: 'Always',
    })
    expect(side).not.toHaveProperty('unknown')
    // Service accounts are mounted into containers from outside as well: all mutators run again.
    expect(side).toHaveProperty('volumeMounts')
  })

  it('may say who owns what, but leave no managers that cannot be read', async () => {
    await configure('mutating', 'm', webhook('m'))
    let count = 0
    const managers = async (entry: object) => {
      respond = () => ({
        allowed: true,
        ...jsonPatch([{ op: 'add', path: '/metadata/managedFields', value: [{ manager: 'hook', ...entry }] }]),
      })
      return (await create({ a: '1' }, { name: `n${count++}` })).metadata?.managedFields?.map(({ manager }) => manager)
    }
    const entry = { operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': {} } }
    expect(await managers(entry)).toEqual(['hook'])
    for (const unreadable of [
      { operation: 'Guess' },
      { fieldsType: '' },
      { apiVersion: '' },
      { fieldsV1: { data: {} } },
    ])
      expect(await managers({ ...entry, ...unreadable })).toEqual(['admin'])
  })

  it('that answer nonsense fail the request', async () => {
    await configure('mutating', 'm', webhook('m'))
    respond = () => ({ allowed: true, patch: 'e30=' })
    expect(await refusal(create())).toContain('webhook returned response.patch but not response.patchType')
    respond = () => ({ allowed: true, ...jsonPatch([{ op: 'remove', path: '/data/none' }]) })
    expect(await refusal(create())).toContain('Internal error occurred')
  })
})

describe('a webhook behind a service', () => {
  const services = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true }

  it('is asked by the service’s name, which its certificate must have', async () => {
    await using named = await webhookServer(() => ({ allowed: false }), { names: ['s.a.svc'] })
    const spec = { type: 'ExternalName', externalName: 'localhost', ports: [{ port: named.port }] }
    for (const name of ['s', 'other'])
      await server.client.create(services, object('v1', 'Service', { name, namespace: 'a' }, { spec }))
    const to = (name: string) => ({
      clientConfig: { service: { name, namespace: 'a', path: '/p', port: named.port }, caBundle: named.caBundle },
    })
    await configure('validating', 'v', webhook('v', to('s')))
    expect(await refusal(create())).toBe('admission webhook "v.example.com" denied the request without explanation')
    expect(named.asked[0]?.path).toBe('/p?timeout=10s')
    await configure('validating', 'u', webhook('u', to('other')))
    expect(await refusal(create())).toContain('x509: certificate is valid for s.a.svc, not other.a.svc')
  })

  it('needs a service with an endpoint', async () => {
    await server.client.create(
      services,
      object('v1', 'Service', { name: 's', namespace: 'a' }, { spec: { ports: [{ port: 443 }] } }),
    )
    await configure('validating', 'v', webhook('v', { clientConfig: { service: { name: 's', namespace: 'a' } } }))
    expect(await refusal(create())).toContain(
      'Post "https://s.a.svc:443/?timeout=10s": no endpoints available for service "s"',
    )
  })
})
