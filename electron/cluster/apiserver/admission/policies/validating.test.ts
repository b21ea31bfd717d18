import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configMaps, deployments, namespaces, type ResourceType } from '#shared/kube/resources.ts'
import type { StatusError } from '#shared/kube/status.ts'
import { fullServer, type FullServer } from '../../testing/full-server.ts'
import { bindPolicy, configMap, object, registration, registrations } from './testing.ts'

const { validating: policies, validatingBindings: bindings } = registrations

let server: FullServer
beforeEach(async () => {
  server = await fullServer()
  await server.client.create(namespaces, object('v1', 'Namespace', { name: 'a', labels: { team: 'x' } }))
})
afterEach(() => server[Symbol.asyncDispose]())

const policy = (spec: object, binding: object = {}, name = 'p') =>
  bindPolicy(server.client, 'validating', { name, spec, binding })

/** What the server says against creating the config map; '' when it is created. */
async function refusal(data: Record<string, string>, metadata: object = {}, client = server.client): Promise<string> {
  try {
    await client.create(configMaps, configMap(data, metadata))
    return ''
  } catch (error) {
    return (error as StatusError).message
  }
}

describe('a validating policy', () => {
  it('denies in upstream’s words from the next request on', async () => {
    expect(await refusal({ a: '1' }, { name: 'before' })).toBe('')
    await policy({ validations: [{ expression: 'object.data.a == "2"', message: 'a must be 2' }] })
    await expect(server.client.create(configMaps, configMap({ a: '1' }))).rejects.toMatchObject({
      status: {
        code: 422,
        reason: 'Invalid',
        message: `configmaps "c" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-b' denied request: a must be 2`,
        details: {
          name: 'c',
          kind: 'configmaps',
          causes: [{ message: `ValidatingAdmissionPolicy 'p' with binding 'p-b' denied request: a must be 2` }],
        },
      },
    })
    expect(await refusal({ a: '2' })).toBe('')
    await server.client.delete(bindings, { name: 'p-b' })
    expect(await refusal({ a: '3' }, { name: 'after' })).toBe('')
  })

  it('makes its message by expression, and gives its reason', async () => {
    await policy({
      variables: [{ name: 'n', expression: 'size(object.data)' }],
      validations: [
        {
          expression: 'variables.n < 2',
          messageExpression: '"has " + string(variables.n) + " entries"',
          reason: 'Forbidden',
        },
      ],
    })
    await expect(server.client.create(configMaps, configMap({ a: '', b: '' }))).rejects.toMatchObject({
      status: { code: 403, reason: 'Forbidden', message: expect.stringContaining('denied request: has 2 entries') },
    })
  })

  it('says which expression failed when it has no words', async () => {
    await policy({ validations: [{ expression: ' false ' }] })
    expect(await refusal({})).toContain('denied request: failed expression: false')
  })

  it('fails closed on errors of evaluation, or open when told so', async () => {
    await policy({ validations: [{ expression: 'object.data.x == "1"' }] })
    expect(await refusal({})).toContain(
      `denied request: expression 'object.data.x == "1"' resulted in error: no such key: data`,
    )
    await server.client.delete(policies, { name: 'p' })
    await server.client.delete(bindings, { name: 'p-b' })
    await policy({ failurePolicy: 'Ignore', validations: [{ expression: 'object.data.x == "1"' }] })
    expect(await refusal({})).toBe('')
  })

  it('only looks at requests that its conditions and selectors let through', async () => {
    await policy(
      {
        matchConditions: [{ name: 'not-skipped', expression: '!has(object.metadata.annotations)' }],
        validations: [{ expression: 'false' }],
      },
      {
        matchResources: {
          namespaceSelector: { matchLabels: { team: 'x' } },
          objectSelector: { matchLabels: { on: '1' } },
        },
      },
    )
    expect(await refusal({})).toBe('')
    expect(await refusal({}, { name: 'd', labels: { on: '1' }, annotations: { a: 'b' } })).toBe('')
    expect(await refusal({}, { name: 'e', labels: { on: '1' } })).not.toBe('')
    await server.client.create(namespaces, object('v1', 'Namespace', { name: 'b' }))
    expect(await refusal({}, { namespace: 'b', labels: { on: '1' } })).toBe('')
  })

  it('sees the request, the old object, the namespace and what the user may do', async () => {
    await policy({
      validations: [
        {
          expression:
            'request.operation == "CREATE" ? oldObject == null : oldObject.data.a == "1" && namespaceObject.metadata.labels.team == "x"',
        },
        {
          expression:
            'request.userInfo.username == "jane" || authorizer.group("").resource("secrets").namespace("a").check("get").allowed()',
        },
      ],
    })
    expect(await refusal({ a: '1' })).toBe('')
    await server.client.update(configMaps, configMap({ a: '2' }))
    await expect(server.client.update(configMaps, configMap({ a: '3' }))).rejects.toThrow('denied request')
  })

  it('warns instead of denying when its binding says so', async () => {
    await policy({ validations: [{ expression: 'false', message: 'no' }] }, { validationActions: ['Warn', 'Audit'] })
    expect(await refusal({})).toBe('')
  })
})

describe('parameters', () => {
  const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' }
  const validations = [{ expression: 'size(object.data.a) <= int(params.data.most)' }]

  it('come from the object that the binding names', async () => {
    await server.client.create(configMaps, configMap({ most: '2' }, { name: 'limits' }))
    await policy(
      { paramKind, validations, matchConditions: [{ name: 'c', expression: 'object.metadata.name != "limits"' }] },
      { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } },
    )
    expect(await refusal({ a: '12' })).toBe('')
    expect(await refusal({ a: '123' }, { name: 'd' })).toContain('denied request')
  })

  it('that are selected are all obeyed', async () => {
    for (const most of ['5', '2'])
      await server.client.create(configMaps, configMap({ most }, { name: `m${most}`, labels: { limits: '1' } }))
    await policy(
      { paramKind, validations },
      { paramRef: { selector: { matchLabels: { limits: '1' } }, parameterNotFoundAction: 'Allow' } },
    )
    expect(await refusal({ a: '123' })).toContain('denied request')
    expect(await refusal({ a: '1' })).toBe('')
  })

  it('that are missing deny or allow, as the binding says', async () => {
    await policy({ paramKind, validations }, { paramRef: { name: 'none', parameterNotFoundAction: 'Deny' } })
    expect(await refusal({ a: '' })).toBe(
      `configmaps "c" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-b' denied request: failed to configure binding: no params found for policy binding with \`Deny\` parameterNotFoundAction`,
    )
    await server.client.delete(bindings, { name: 'p-b' })
    await server.client.create(
      bindings,
      registration(bindings, 'q', {
        spec: {
          policyName: 'p',
          validationActions: ['Deny'],
          paramRef: { name: 'none', parameterNotFoundAction: 'Allow' },
        },
      }),
    )
    expect(await refusal({ a: '' })).toBe('')
  })
})

describe('rules', () => {
  it('mean subresources only where they name them', async () => {
    const resourceRules = [
      { apiGroups: ['apps'], apiVersions: ['*'], resources: ['deployments/scale'], operations: ['UPDATE'] },
    ]
    await policy({ matchConstraints: { resourceRules }, validations: [{ expression: 'object.spec.replicas < 3' }] })
    const deployment = object(
      'apps/v1',
      'Deployment',
      { name: 'd', namespace: 'a' },
      {
        spec: {
          replicas: 5,
          selector: { matchLabels: { a: 'b' } },
          template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
        },
      },
    )
    await server.client.create(deployments as ResourceType, deployment)
    const scale = (replicas: number) =>
      server.client.patch(
        deployments,
        { namespace: 'a', name: 'd' },
        'merge',
        { spec: { replicas } },
        { subresource: 'scale' },
      )
    await expect(scale(4)).rejects.toThrow('failed expression: object.spec.replicas < 3')
    await scale(2)
  })

  it('mean every version of a resource unless they are exact', async () => {
    const rules = (matchPolicy: string) => ({
      matchPolicy,
      resourceRules: [
        {
          apiGroups: ['autoscaling'],
          apiVersions: ['v2'],
          resources: ['horizontalpodautoscalers'],
          operations: ['CREATE'],
        },
      ],
    })
    const validations = [{ expression: 'object.apiVersion == "autoscaling/v2" && object.spec.metrics.size() > 1' }]
    const v1 = {
      group: 'autoscaling',
      version: 'v1',
      plural: 'horizontalpodautoscalers',
      kind: 'HorizontalPodAutoscaler',
      namespaced: true,
    }
    const autoscaler = (name: string) =>
      object(
        'autoscaling/v1',
        'HorizontalPodAutoscaler',
        { name, namespace: 'a' },
        {
          spec: {
            maxReplicas: 3,
            targetCPUUtilizationPercentage: 50,
            scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' },
          },
        },
      )
    await policy({ matchConstraints: rules('Exact'), validations }, {}, 'exact')
    await server.client.create(v1, autoscaler('one'))
    await policy({ matchConstraints: rules('Equivalent'), validations }, {}, 'equivalent')
    await expect(server.client.create(v1, autoscaler('two'))).rejects.toThrow(`ValidatingAdmissionPolicy 'equivalent'`)
  })

  it('never mean the configuration of admission', async () => {
    const resourceRules = [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['*'] }]
    await policy({ matchConstraints: { resourceRules }, validations: [{ expression: 'false' }] })
    expect(await refusal({})).toContain('failed expression: false')
    await server.client.delete(bindings, { name: 'p-b' })
  })
})
