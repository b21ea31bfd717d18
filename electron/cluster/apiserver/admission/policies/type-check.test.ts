import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { fullServer } from '../../testing/full-server.ts'
import { registration, registrations } from './testing.ts'

const { validating } = registrations

const policy = (expressions: readonly string[], more: object = {}) =>
  registration(validating, 'p', {
    spec: {
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ['apps'],
            apiVersions: ['v1'],
            resources: ['deployments', 'deployments/scale'],
            operations: ['*'],
          },
          { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['*'] },
        ],
      },
      validations: expressions.map((expression) => ({ expression })),
      ...more,
    },
  })

/** The status that the loop comes to. */
async function statusOf(object: KubeObject): Promise<unknown> {
  await using server = await fullServer()
  await server.client.create(validating, object)
  using _loop = server.api.typeCheckPolicies()
  for (;;) {
    const { status } = (await server.client.get(validating, { name: 'p' })) as KubeObject & { status?: object }
    if (status && 'observedGeneration' in status) return status
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('type checking of policies', () => {
  it('finds nothing where expressions fit every kind', async () => {
    const fits = policy(
      [
        'object.metadata.name != "" && object.metadata.creationTimestamp < timestamp("2100-01-01T00:00:00Z")',
        'variables.n > 1',
      ],
      { variables: [{ name: 'n', expression: 'object.metadata.labels.size()' }] },
    )
    expect(await statusOf(fits)).toEqual({ observedGeneration: 1, typeChecking: {} })
  })

  it('names the expression and each kind that it does not fit', async () => {
    expect(await statusOf(policy(['true', 'object.spec.replicas > 1']))).toEqual({
      observedGeneration: 1,
      typeChecking: {
        expressionWarnings: [
          {
            fieldRef: 'spec.validations[1].expression',
            warning:
              "/v1, Kind=Pod: ERROR: <input>:1:12: undefined field 'replicas'\n | object.spec.replicas > 1\n | ...........^\n",
          },
        ],
      },
    })
  })
})
