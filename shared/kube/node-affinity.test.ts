import { expect, it } from 'vitest'
import { fitsNode, namedNodes } from './node-affinity.ts'

const required = (...nodeSelectorTerms: { matchFields?: object[]; matchExpressions?: object[] }[]) =>
  ({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } }) as never
const named = (...values: string[]) => ({ key: 'metadata.name', operator: 'In', values })
const labelled = { matchExpressions: [{ key: 'a', operator: 'Exists' }] }
const node = { metadata: { name: 'n', labels: { a: '1' } } }

it('the nodes of an affinity by name are those of any term, each of which may narrow them down', () => {
  expect(namedNodes(required({ matchFields: [named('a')] }, { matchFields: [named('b', 'c')] }))).toEqual([
    'a',
    'b',
    'c',
  ])
  expect(namedNodes(required({ matchFields: [named('a', 'b'), named('b', 'c')], ...labelled }))).toEqual(['b'])
  expect(namedNodes(required({ matchFields: [named('a'), named('b')] }))).toEqual([])
})

it('an affinity with one term that is not by name may match any node', () => {
  const notIn = { key: 'metadata.name', operator: 'NotIn', values: ['a'] }
  expect(namedNodes(required({ matchFields: [named('a')] }, labelled))).toBeUndefined()
  expect(namedNodes(required({ matchFields: [notIn] }))).toBeUndefined()
  expect(namedNodes({})).toBeUndefined()
})

it('a node fits when it has all labels of the selector and what one of the terms wants', () => {
  expect(fitsNode(required({ matchFields: [named('n')], ...labelled }), node)).toBe(true)
  expect(fitsNode(required({ matchFields: [named('x')] }, {}), node)).toBe(false)
  expect([fitsNode({ nodeSelector: { a: '1' } }, node), fitsNode({ nodeSelector: { a: '1', b: '' } }, node)]).toEqual([
    true,
    false,
  ])
})
