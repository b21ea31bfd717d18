import { afterAll, beforeAll, expect, it } from 'vitest'
import { up, type TestCluster } from '../support/cluster.ts'

interface Schema {
  [keyword: string]: unknown
}

const words =
  'Describes what the operator does with this field, at the length and in the number of repetitions that are usual. '

/** As generators of operators write them: deep, wide, and described at every step. */
function schemaOf(depth: number, width: number, descriptions: number): Schema {
  const description = words.repeat(descriptions)
  if (depth === 0) return { type: 'string', description, maxLength: 253, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' }
  const inner = () => schemaOf(depth - 1, width, descriptions)
  const forms: (() => Schema)[] = [
    inner,
    () => ({ type: 'array', description, items: inner(), maxItems: 100 }),
    () => ({ type: 'object', description, additionalProperties: { type: 'string' } }),
    () => ({ description, anyOf: [{ type: 'integer' }, { type: 'string' }], 'x-kubernetes-int-or-string': true }),
  ]
  const item = {
    type: 'object',
    required: ['name'],
    properties: { name: { type: 'string' }, value: { type: 'string' } },
  }
  const list = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }
  const properties: Record<string, Schema> = { items: { type: 'array', items: item, ...list } }
  for (let i = 0; i < width; i++) properties[`field${i}`] = forms[i % forms.length]!()
  return { type: 'object', description, properties, required: ['field0'] }
}

function definition(name: string, spec: Schema) {
  const group = 'operator.example.com'
  const kind = name[0]!.toUpperCase() + name.slice(1, -1)
  const openAPIV3Schema = {
    type: 'object',
    properties: { spec, status: { type: 'object', properties: { phase: { type: 'string' } } } },
  }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${name}.${group}`, labels: { set: 'large' } },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: name, singular: name.slice(0, -1), kind, listKind: `${kind}List` },
      versions: [
        { name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema } },
      ],
    },
  }
}

/** Annotations of more than 256 KB in all are refused, and client-side apply keeps the whole object in one. */
const small = ['alphas', 'betas', 'gammas', 'deltas'].map((name) => definition(name, schemaOf(3, 6, 2)))
const large = ['omegas', 'psis'].map((name) => definition(name, schemaOf(4, 10, 2)))
const listOf = (items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })

let cluster: TestCluster
beforeAll(async () => {
  cluster = await up(['--bare'])
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const established = () =>
  cluster.kubectl('wait', '--for=condition=Established', 'crd', '-l', 'set=large', '--timeout=50s')
const revisions = () =>
  cluster.kubectl('get', 'crd', '-l', 'set=large', '-o', 'jsonpath={.items[*].metadata.resourceVersion}')

it.each([
  ['client-side', ['apply', '-f', '-'], small],
  ['server-side', ['apply', '--server-side', '--force-conflicts', '-f', '-'], [...small, ...large]],
])('a set of definitions applied %s a second time changes nothing', async (_side, command, items) => {
  if (items.includes(large[0]!)) expect(JSON.stringify(large[0]).length).toBeGreaterThan(1_000_000)
  const first = await cluster.kubectl.run(command, listOf(items))
  expect(first).toMatchObject({ code: 0, stderr: '' })
  await established()
  const before = await revisions()
  const second = await cluster.kubectl.run(command, listOf(items))
  expect(second).toMatchObject({ code: 0, stderr: '' })
  if (command.length === 3)
    expect(
      second.stdout
        .trim()
        .split('\n')
        .every((line) => line.endsWith(' unchanged')),
    ).toBe(true)
  expect(await revisions()).toBe(before)
})

it('serves, explains and prunes by the largest of them', async () => {
  const { kubectl } = cluster
  expect(await kubectl('explain', 'omegas.spec.field0.field0')).toContain('Describes what the operator does')
  const object = {
    apiVersion: 'operator.example.com/v1',
    kind: 'Omega',
    metadata: { name: 'o' },
    spec: { field0: { field0: { field0: { field0: 'x' } } }, unknown: true },
  }
  const { code } = await kubectl.run(['create', '--validate=false', '-f', '-'], JSON.stringify(object))
  expect(code).toBe(0)
  expect(JSON.parse(await kubectl('get', 'omega', 'o', '-o', 'json'))).toMatchObject({
    spec: { field0: { field0: { field0: { field0: 'x' } } } },
  })
  expect(await kubectl('get', 'omega', 'o', '-o', 'jsonpath={.spec.unknown}')).toBe('')
})
