import { expect, it } from 'vitest'
import { sameJson } from './same-json.ts'

it('tells values of JSON apart, but not by the order of keys nor by fields that are undefined', () => {
  const values = [
    null,
    0,
    '',
    false,
    'a',
    [],
    {},
    [1],
    [1, 2],
    [[1]],
    { a: 1 },
    { a: null },
    { a: 1, b: 2 },
    { a: [1] },
  ]
  for (const [i, left] of values.entries())
    for (const [j, right] of values.entries()) expect(sameJson(structuredClone(left), right)).toBe(i === j)
  expect(sameJson({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toBe(true)
  expect([
    sameJson({ a: undefined }, {}),
    sameJson({}, { a: undefined }),
    sameJson({ a: undefined }, { b: 1 }),
  ]).toEqual([true, true, false])
})
