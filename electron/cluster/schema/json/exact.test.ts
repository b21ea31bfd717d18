import { expect, it } from 'vitest'
import { bigintsWritten, parseExactly, shortest } from './exact.ts'

it.each([
  ['9007199254740993', 9007199254740993n],
  ['-9223372036854775808', -9223372036854775808n],
  ['9007199254740991', 9007199254740991],
  ['9223372036854775808', 9223372036854775808],
  ['9007199254740993.5', Number('9007199254740993.5')],
  ['1e18', 1e18],
  ['"9007199254740993"', '9007199254740993'],
])('reads %s as it is, or as Go’s float64', (text, value) => {
  expect(parseExactly(text)).toBe(value)
})

it('writes long integers digit by digit, and tells that it has', () => {
  const text = '{"__proto__":[9223372036854775807,1],"a":{"b":-9007199254740993}}'
  const before = bigintsWritten()
  expect(JSON.stringify(parseExactly(text))).toBe(text)
  expect(bigintsWritten() - before).toBe(2)
})

it('makes a number of what a number holds', () => {
  expect([shortest(5n), shortest(-9007199254740993n)]).toEqual([5, -9007199254740993n])
})
