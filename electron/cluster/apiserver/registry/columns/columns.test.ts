import { expect, it } from 'vitest'
import { kinds } from '../index.ts'

it('describes every column of every kind', () => {
  const silent = kinds.flatMap(({ kind, columns }) =>
    columns.filter(({ description }) => description === '').map(({ name }) => `${kind} ${name}`),
  )
  // Upstream has no words for the handler of a runtime class.
  expect(silent).toEqual(['RuntimeClass Handler'])
})
