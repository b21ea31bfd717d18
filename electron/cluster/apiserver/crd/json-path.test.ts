import { expect, it } from 'vitest'
import { parseJsonPath } from './json-path.ts'

const object = {
  metadata: { name: 'x', annotations: { 'a.b/c': 'dotted' } },
  spec: { list: [{ n: 1 }, { n: 2 }, { n: 3 }], empty: [] },
  status: {
    conditions: [
      { type: 'Synced', status: 'False' },
      { type: 'Ready', status: 'True' },
    ],
  },
}

it.each([
  ['.metadata.name', ['x']],
  ['.metadata.annotations.a\\.b/c', ['dotted']],
  [".metadata.annotations['a.b/c']", ['dotted']],
  ['.spec.list[1].n', [2]],
  ['.spec.list[-1].n', [3]],
  ['.spec.list[0:2].n', [1, 2]],
  ['.spec.list[*].n', [1, 2, 3]],
  ['.spec.list[0,2].n', [1, 3]],
  ['.spec.list[?(@.n>1)].n', [2, 3]],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  ['..n', [1, 2, 3]],
  ['.spec.none.deeper', []],
  ['.spec.empty[0]', []],
])('%s leads to %j', (path, values) => {
  expect(parseJsonPath(path)!(object)).toEqual(values)
})

it('is not read where it makes no sense', () => {
  expect(['.spec.list[', '.a[?(@.]', 'x y'].map((path) => parseJsonPath(path))).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})
