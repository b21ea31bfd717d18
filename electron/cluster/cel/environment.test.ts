import { Environment as Reference } from '@marcbachmann/cel-js'
import { describe, expect, it } from 'vitest'
import { CompileError, Environment, yields } from './environment.ts'
import { bool, dyn, int, list, objectType, string } from './types/types.ts'
import { fromJson, toJson } from './values/json.ts'
import { CelError, CostLimitError } from './values/errors.ts'
import { type CelValue } from './values/values.ts'

const environment = new Environment({
  variables: { object: dyn, n: int, s: string, words: list(string) },
  struct: (name) => (name === 'Box' ? objectType('Box', { size: int }) : undefined),
})
const variables = {
  object: fromJson({ a: { b: 3 }, l: [1, 2, 3], f: 1.5, zero: null, 'x-y': true }),
  n: 7n,
  s: 'héllo',
  words: ['b', 'a'],
}

const evaluate = (source: string): CelValue => environment.compile(source).evaluate(variables)
const json = (source: string): unknown => toJson(evaluate(source))

function error(source: string): string {
  try {
    return `no error: ${String(json(source))}`
  } catch (caught) {
    if (caught instanceof CelError || caught instanceof CompileError) return caught.message
    throw caught
  }
}

describe('expressions', () => {
  it.each<[string, unknown]>([
    ['1 + 2 * 3 - -1', 8],
    ['7 / 2 + 7 % 2', 4],
    ['1.5 * 2.0 == 3.0', true],
    ['object.a.b == 3 && object.f > 1', true],
    ["'x-y' in object && object['x-y']", true],
    ['has(object.a) && !has(object.q)', true],
    ['object.?q.orValue(5)', 5],
    ['object.?a.b.value()', 3],
    ['object[?"a"].optMap(x, x.b + 1).orValue(0)', 4],
    ['[1, ?optional.none(), 3]', [1, 3]],
    ['{"a": 1, ?"b": optional.none()}', { a: 1 }],
    ['{1: "x"}[1] + {1: "x"}[dyn(1.0)]', 'xx'],
    ['[1, 2, 3].filter(x, x > 1).map(x, x * 2)', [4, 6]],
    ['object.l.map(x, x > 1, x)', [2, 3]],
    ['[[1, 2], [3]].map(x, x.map(x, x + 1))', [[2, 3], [4]]],
    ['[1, 2].exists_one(x, x == 1) && [1].existsOne(x, true)', true],
    ['{"k": 2}.all(k, v, k == "k" && v == 2)', true],
    ['[5, 6].transformList(i, v, i == 1, v)', [6]],
    ['{"a": 1, "b": 2}.transformMap(k, v, k == "b", v * 10)', { b: 20 }],
    ['["a"].transformMapEntry(i, v, {v: i})', { a: 0 }],
    ['Box{size: 4}.size', 4],
    ['n > 5 ? "big" : "small"', 'big'],
    ['type(1) == int && type(object.f) == double', true],
    ['timestamp("2024-02-29T12:00:00.5Z") + duration("1h30m")', '2024-02-29T13:30:00.5Z'],
    ['timestamp("2024-01-01T00:00:00Z").getHours("Europe/Paris")', 1],
    ['duration("90s").getMinutes()', 1],
    ["r'\\d' + \"\\u00e9\" + '''a\nb'''", '\\dé' + 'a\nb'],
    ['b"\\xff".size() + size(b"é")', 3],
    ['-9223372036854775808 < 0', true],
  ])('%s is %j', (source, value) => expect(json(source)).toEqual(value))

  it('lets an operand that decides outweigh the error of the other', () => {
    expect(json('object.q == 1 || true')).toBe(true)
    expect(json('false && 1 / 0 == 1')).toBe(false)
    expect(json('[0, 1].exists(x, 1 / x == 1)')).toBe(true)
    expect(error('object.q == 1 || false')).toBe('no such key: q')
  })

  it('compares numbers of different types by value', () =>
    expect(json('dyn(1) == 1.0 && 1u < 2 && dyn(1u) in [1, 2]')).toBe(true))
})

describe('errors in the words of cel-go', () => {
  it.each([
    ['n + s', "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | n + s\n | ..^"],
    ['q', "ERROR: <input>:1:1: undeclared reference to 'q' (in container '')\n | q\n | ^"],
    ['f(1)', "ERROR: <input>:1:2: undeclared reference to 'f' (in container '')\n | f(1)\n | .^"],
    ['n.x', "ERROR: <input>:1:2: type 'int' does not support field selection\n | n.x\n | .^"],
    [
      'Box{size: "x"}',
      "ERROR: <input>:1:9: expected type of field 'size' is 'int' but provided type is 'string'\n | Box{size: \"x\"}\n | ........^",
    ],
    ['Box{size: 1}.wide', "ERROR: <input>:1:13: undefined field 'wide'\n | Box{size: 1}.wide\n | ............^"],
    ['[1, "a"]', "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, \"a\"]\n | ....^"],
    [
      's.size(1)',
      "ERROR: <input>:1:7: found no matching overload for 'size' applied to 'string.(int)'\n | s.size(1)\n | ......^",
    ],
    [
      'n.all(x, true)',
      "ERROR: <input>:1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | n.all(x, true)\n | ^",
    ],
    ['duration("1x")', 'ERROR: <input>:1:10: invalid duration argument\n | duration("1x")\n | .........^'],
    ['s.matches("(")', 'ERROR: <input>:1:11: invalid matches argument\n | s.matches("(")\n | ..........^'],
    ['for', 'ERROR: <input>:1:1: reserved identifier: for\n | for\n | ^'],
    ['has(n)', 'ERROR: <input>:1:5: invalid argument to has() macro\n | has(n)\n | ....^'],
  ])('%s does not compile', (source, message) => expect(error(source)).toBe(message))

  const expecting = (more = '') =>
    `expecting {'[', '{', '(', ${more}'.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`

  // Recorded from a real server, or from cel-go's own tests.
  it.each([
    ['', [`1:0: Syntax error: mismatched input '<EOF>' ${expecting()}`]],
    [
      '*',
      [
        `1:1: Syntax error: mismatched input '*' ${expecting()}`,
        `1:2: Syntax error: mismatched input '<EOF>' ${expecting()}`,
      ],
    ],
    [
      '1 + +',
      [
        `1:5: Syntax error: mismatched input '+' ${expecting()}`,
        `1:6: Syntax error: mismatched input '<EOF>' ${expecting()}`,
      ],
    ],
    [
      '1 + $',
      [
        "1:5: Syntax error: token recognition error at: '$'",
        `1:6: Syntax error: mismatched input '<EOF>' ${expecting()}`,
      ],
    ],
    ['*a', [`1:1: Syntax error: extraneous input '*' ${expecting()}`]],
    ['a.b(', [`1:5: Syntax error: mismatched input '<EOF>' ${expecting("')', ")}`]],
    ['a.', ["1:3: Syntax error: no viable alternative at input '.'"]],
    ['a b', ["1:3: Syntax error: extraneous input 'b' expecting <EOF>"]],
  ])('%j does not parse', (source, messages) =>
    expect(
      error(source)
        .split('\n')
        .filter((line) => line.startsWith('ERROR')),
    ).toEqual(messages.map((message) => `ERROR: <input>:${message}`)),
  )

  it('reports all that is wrong, in order of place', () =>
    expect(error('q +\nn.x').split('\n')).toEqual([
      "ERROR: <input>:1:1: undeclared reference to 'q' (in container '')",
      ' | q +',
      ' | ^',
      "ERROR: <input>:2:2: type 'int' does not support field selection",
      ' | n.x',
      ' | .^',
    ]))

  it.each([
    ['object.q', 'no such key: q'],
    ['object.a.b.c', 'no such overload'],
    ['[1][n]', 'index out of bounds: 7'],
    ['1 / (n - 7)', 'division by zero'],
    ['1 % (n - 7)', 'modulus by zero'],
    ['9223372036854775807 + n', 'integer overflow'],
    ['dyn(1) + "a"', 'no such overload'],
    ['optional.none().value()', 'optional.none() dereference'],
    ['int(s)', 'strconv.ParseInt: parsing "héllo": invalid syntax'],
  ])('%s fails', (source, message) => expect(error(source)).toBe(message))

  it.each([
    ['('.repeat(1000) + '1' + ')'.repeat(1000)],
    [Array.from({ length: 1000 }).fill('1').join(' + ')],
    [`object${'.a'.repeat(1000)}`],
    ['('.repeat(200) + '1' + `${'+1'.repeat(200)})`.repeat(200)],
  ])('refuses nesting that would exhaust the stack: %.20s', (source) =>
    expect(error(source)).toContain('expression recursion limit exceeded: 250'),
  )

  it('takes chains of && and || of any length', () =>
    expect(json(Array.from({ length: 20_000 }).fill('n>5').join('&&'))).toBe(true))
})

describe('result types', () => {
  it('are inferred', () => {
    expect(yields(environment.compile('n > 1'), bool)).toBe(true)
    expect(yields(environment.compile('object.x'), bool)).toBe(false)
    expect(yields(environment.compile('n'), bool, string)).toBe(false)
  })
})

describe('costs', () => {
  const cost = (source: string): number => {
    let spent = 0
    environment.compile(source).evaluate(variables, { spend: (amount) => (spent = amount) })
    return spent
  }

  it.each([
    ['true', 0],
    ['n', 1],
    ['n == 7', 2],
    ['object.a.b', 3],
    ['[1, 2, 3]', 0],
    ['[n]', 11],
    ['{"a": n}', 31],
    ['s.startsWith("h")', 2],
    ['s.contains("l")', 2],
    ['words.isSorted()', 3],
  ])('%s costs %i', (source, expected) => expect(cost(source)).toBe(expected))

  it('stop an expression that no operator may save', () => {
    const greedy = environment.compile('true || object.l.all(x, object.l.all(y, x + y > 0)) || true')
    expect(greedy.evaluate(variables, { limit: 5 })).toBe(true)
    const loop = environment.compile('object.l.all(x, object.l.all(y, x + y > 0)) || true')
    expect(() => loop.evaluate(variables, { limit: 20 })).toThrow(CostLimitError)
  })
})

describe('beside another implementation', () => {
  const seeds = ['1', '2', '-3', '7', 'n', 'true', 'false', '"ab"', 's', '1.5', '[1, 2]', '[n, 3]', '{"a": 1}']
  const forms = [
    '(A + B)',
    '(A == B)',
    '(A < B)',
    '(A && B)',
    '(A || B)',
    '(A * B)',
    '(A in B)',
    '(A ? B : A)',
    'A.map(x, x)',
    'size(A)',
    '!(A)',
    'A.exists(x, x == B)',
    'string(A)',
  ]
  const reference = new Reference().registerVariable('n', 'int').registerVariable('s', 'string')
  let state = 42
  const pick = <T>(from: readonly T[]): T => {
    state = (state * 1103515245 + 12345) & 0x7fffffff
    return from[Math.floor((state / 0x80000000) * from.length)]!
  }
  const make = (depth: number): string =>
    depth === 0
      ? pick(seeds)
      : pick(forms).replaceAll(/\b[AB]\b/g, () => make(depth - 1 - (pick([0, 1]) && depth > 1 ? 1 : 0)))

  it('agrees on what compiles there, and on its value', () => {
    let compared = 0
    for (let i = 0; i < 3000; i++) {
      const source = make(pick([1, 2]))
      let expected: unknown
      try {
        if (!reference.check(source).valid) continue
        expected = reference.evaluate(source, { n: 7n, s: 'héllo' })
      } catch {
        continue
      }
      let found: unknown
      try {
        found = evaluate(source)
      } catch (caught) {
        found = caught
      }
      compared++
      if (typeof expected !== 'object') expect([source, found]).toEqual([source, expected])
    }
    expect(compared).toBeGreaterThan(300)
  })
})
