import { describe, expect, it } from 'vitest'
import { readDocuments, writeValue, writeYaml } from './yaml.ts'

const data = (text: string): unknown =>
  (readDocuments(`apiVersion: v1\nkind: X\nv: ${text}\n`)[0]!.object as { v?: unknown }).v
const problem = (text: string): string => {
  try {
    readDocuments(text)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

it.each([
  ['0644', 420],
  ['0o644', 420],
  ['0o', '0o'],
  ['1_000', 1000],
  ['y', true],
  ['on', true],
  ['yes', true],
  ['"on"', 'on'],
  ['22:22', '22:22'],
  ['190:20:30', '190:20:30'],
  ['2020-01-01', '2020-01-01'],
  ['2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z'],
  ['1e3', 1000],
  ['1.30', 1.3],
  ['~', null],
])('reads %s as kubectl does', (text, value) => {
  expect(data(text)).toEqual(value)
})

it.each(['on', 'no', 'y', '0644', '0o644', '1e3', 'null', '~', '1_000', 'true', '', ' a', '12:30', '2020-01-01'])(
  'writes the text %j so that it is read as that text',
  (text) => {
    expect(data(writeValue(text).trim())).toBe(text)
  },
)

it('writes no directive, and long lines as they are', () => {
  expect(writeValue({ a: 'x '.repeat(100).trim() })).toBe(`a: ${'x '.repeat(100).trim()}\n`)
})

it('opens lists and leaves out empty documents', () => {
  const text =
    '---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A}\n- {apiVersion: v1, kind: B}\n---\napiVersion: v1\nkind: C\n'
  expect(readDocuments(text).map(({ object, line }) => [object.kind, line])).toEqual([
    ['A', 4],
    ['B', 4],
    ['C', 10],
  ])
})

describe('says what is wrong and where', () => {
  it.each([
    ['apiVersion: v1\nkind: A\n  x: 1\n', /^Line 2, column 7: /],
    ['a: [1, 2\n', /^Line 2, column 1: /],
    ['apiVersion: v1\nkind: A\n---\nkind: B\n', /^Line 4: apiVersion is missing/],
    ['apiVersion: v1\nkind: 7\n', /kind is not a text/],
    ['- a\n', /a document is an object/],
    ['apiVersion: v1\nkind: A\nkind: B\n', /^Line 3, column 1: Map keys must be unique/],
    ['apiVersion: v1\nkind: A\nmetadata: web\n', /metadata is not an object/],
  ])('%j', (text, message) => {
    expect(problem(text)).toMatch(message)
  })

  it('aliases of aliases', () => {
    const levels = Array.from({ length: 8 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`)
    expect(problem(`apiVersion: v1\nkind: A\nl0: &l0 [x]\n${levels.join('\n')}\n`)).toMatch(/too many aliases/)
  })
})

it('folds managedFields away and begins with what an object is', () => {
  const object = { metadata: { name: 'a', managedFields: [{}] }, spec: {}, kind: 'A', apiVersion: 'v1' }
  expect(writeYaml(object)).toBe('apiVersion: v1\nkind: A\nmetadata:\n  name: a\nspec: {}\n')
})
