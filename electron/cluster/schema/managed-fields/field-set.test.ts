import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import {
  difference,
  emptySet,
  equalSets,
  fieldSetOfPaths,
  formatFieldsV1,
  intersection,
  parseFieldsV1,
  pathsOf,
  recursiveDifference,
  union,
  type FieldSet,
} from './field-set.ts'

describe('field sets', () => {
  const random = seededRandom(3)
  const pick = (items: string[]) => items[Math.floor(random.next() * items.length)]!
  const sample = (): FieldSet =>
    fieldSetOfPaths(
      Array.from({ length: Math.floor(random.next() * 8) }, () =>
        Array.from({ length: 1 + Math.floor(random.next() * 3) }, () =>
          pick(['f:a', 'f:b', 'k:{"name":"x"}', 'v:1', 'i:0']),
        ),
      ),
    )
  const texts = (set: FieldSet) => new Set([...pathsOf(set)].map((path) => path.join(' ')))

  it('combine as sets of paths do', () => {
    for (let i = 0; i < 500; i++) {
      const [a, b] = [sample(), sample()]
      expect(texts(union(a, b))).toEqual(texts(a).union(texts(b)))
      expect(texts(intersection(a, b))).toEqual(texts(a).intersection(texts(b)))
      expect(texts(difference(a, b))).toEqual(texts(a).difference(texts(b)))
      const below = [...texts(a)].filter(
        (path) => ![...texts(b)].some((other) => path === other || path.startsWith(`${other} `)),
      )
      expect(texts(recursiveDifference(a, b))).toEqual(new Set(below))
      expect(equalSets(union(difference(a, b), intersection(a, b)), a)).toBe(true)
    }
  })

  it('survive being written as FieldsV1 and read again', () => {
    for (let i = 0; i < 200; i++) {
      const set = sample()
      expect(texts(parseFieldsV1(JSON.parse(JSON.stringify(formatFieldsV1(set)))))).toEqual(texts(set))
    }
  })

  it('read keys whatever blanks and order they were written with', () => {
    const set = parseFieldsV1({ 'f:ports': { 'k:{"protocol":"TCP", "containerPort":80}': {} } })
    expect(formatFieldsV1(set)).toEqual({ 'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': {} } })
    expect(() => parseFieldsV1({ xa: {} })).toThrow('unrecognized element')
    expect(equalSets(parseFieldsV1({}), emptySet)).toBe(true)
  })

  it('leave out elements of kinds that are not known yet', () => {
    expect(formatFieldsV1(parseFieldsV1({ 'f:a': { 'x:later': {} }, 'x:b': {} }))).toEqual({ 'f:a': {} })
  })
})
