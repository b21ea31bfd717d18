import { describe, expect, it } from 'vitest'
import { formatFieldSelector, matchesFields, parseFieldSelector, exactField } from './field-selectors.ts'
import { exactValue, formatSelector, matches, parseSelector, selectorOf, selectorOfLabels } from './selectors.ts'

const match = (selector: string, labels?: Record<string, string>) => matches(parseSelector(selector), labels)

describe('label selectors', () => {
  it.each([
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a!=b', { a: 'b' }, false],
    ['a in (b, c)', { a: 'c' }, true],
    ['a in (b)', {}, false],
    ['a notin (b)', {}, true],
    ['a notin (b,c)', { a: 'c' }, false],
    ['a', { a: '' }, true],
    ['a', {}, false],
    ['!a', {}, true],
    ['!a', { a: '' }, false],
    ['n>3', { n: '4' }, true],
    ['n<3', { n: '4' }, false],
    ['n>3', { n: 'x' }, false],
    ['a in ()', { a: '' }, true],
    ['a in (,b)', { a: '' }, true],
    ['a=', { a: '' }, true],
    ['in in (in)', { in: 'in' }, true],
    ['!odd,page', { page: 'y' }, true],
    ['example.com/a=b', { 'example.com/a': 'b' }, true],
    ['constructor', {}, false],
  ] as [string, Record<string, string>, boolean][])('%s on %j is %s', (selector, labels, expected) => {
    expect(match(selector, labels)).toBe(expected)
  })

  it('matches everything when empty, and nothing when the object is absent', () => {
    expect(match('', undefined)).toBe(true)
    expect(matches(selectorOf({}), { a: 'b' })).toBe(true)
    expect(matches(selectorOf(undefined), { a: 'b' })).toBe(false)
    expect(matches(selectorOfLabels({ a: 'b' }), { a: 'b', c: 'd' })).toBe(true)
  })

  it.each([
    ['a===b', "unable to parse requirement: found '=', expected: identifier"],
    ['==', "found '==', expected: !, identifier, or 'end of string'"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['a,', "found '', expected: identifier after ','"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    [
      'n>x',
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
  ])('refuses %j as upstream words it', (selector, message) => {
    expect(() => parseSelector(selector)).toThrow(message)
  })

  it('refuses a key that is no qualified name', () => {
    expect(() => parseSelector('a/b/c=d')).toThrow(
      'unable to parse requirement: <nil>: Invalid value: "a/b/c": a qualified name must consist of',
    )
    expect(() => parseSelector('a=b_')).toThrow(
      'values[0][a]: Invalid value: "b_": a valid label must be an empty string or consist',
    )
  })

  it('prints what it parsed, ordered by key and value', () => {
    expect(formatSelector(parseSelector('z in (c,b), !y,x!=1,w==2,v,u>3'))).toBe('u>3,v,w==2,x!=1,!y,z in (b,c)')
    expect(
      formatSelector(
        selectorOf({ matchLabels: { b: '1' }, matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['x'] }] }),
      ),
    ).toBe('a notin (x),b=1')
  })

  it('parses what it printed', () => {
    const text = 'a=b,c in (d,e),!f,g,h notin (i)'
    expect(parseSelector(formatSelector(parseSelector(text)))).toEqual(parseSelector(text))
  })

  it('tells the one value that a label must have', () => {
    expect(exactValue(parseSelector('a=b,c'), 'a')).toBe('b')
    expect(exactValue(parseSelector('a in (b,c)'), 'a')).toBeUndefined()
    expect(exactValue(parseSelector('a!=b'), 'a')).toBeUndefined()
  })
})

describe('field selectors', () => {
  it('reads the three operators', () => {
    const selector = parseFieldSelector('status.phase!=Running,metadata.name==x,spec.nodeName=')
    const read = (field: string) => ({ 'status.phase': 'Pending', 'metadata.name': 'x' })[field] ?? ''
    expect(matchesFields(selector, read)).toBe(true)
    expect(formatFieldSelector(selector)).toBe('metadata.name=x,spec.nodeName=,status.phase!=Running')
    expect(exactField(selector, 'metadata.name')).toBe('x')
    expect(exactField(selector, 'status.phase')).toBeUndefined()
  })

  it('refuses a part without an operator', () => {
    expect(() => parseFieldSelector('a=b,c')).toThrow("invalid selector: 'a=b,c'; can't understand 'c'")
  })
})
