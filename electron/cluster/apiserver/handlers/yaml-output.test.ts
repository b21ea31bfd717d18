import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { toYaml } from './yaml-output.ts'

it.each([
  ['plain', 'plain'],
  ["it's", "it's"],
  ['1', '"1"'],
  ['0x1f', '"0x1f"'],
  ['1_000', '"1_000"'],
  ['yes', '"yes"'],
  ['y', '"y"'],
  ['null', '"null"'],
  ['~', '"~"'],
  ['', '""'],
  ['1:30', '"1:30"'],
  ['2001-01-01', '"2001-01-01"'],
  ['12-30', '12-30'],
  ['.', '.'],
  ['1.5e3', '"1.5e3"'],
  ['!x', "'!x'"],
  ['x: y', "'x: y'"],
  ['x:y', 'x:y'],
  ['# c', "'# c'"],
  ['a#b', 'a#b'],
  [' lead', "' lead'"],
  ['a\tb', '"a\\tb"'],
  ['- a', "'- a'"],
  ['-a', '-a'],
  ['{a}', "'{a}'"],
  ['é', 'é'],
])('writes the text %j as %s', (value, written) => {
  expect(toYaml({ k: value })).toBe(`k: ${written}\n`)
})

it('writes lines as lines', () => {
  expect(toYaml({ a: 'one\ntwo\n', b: 'one\n\ntwo', c: ' x\n', d: 'x\n\n' })).toBe(
    'a: |\n  one\n  two\nb: |-\n  one\n\n  two\nc: |2\n   x\nd: |+\n  x\n\n',
  )
})

it('does not indent lists, and puts numbers in their order and letters last', () => {
  const value = { spec: { ports: [{ name: 'a', n: 1 }, [1, [2]], {}, []] }, n10: 1, n9: 2, '.': {} }
  expect(toYaml(value)).toBe(
    [
      '.: {}',
      'n9: 2',
      'n10: 1',
      'spec:',
      '  ports:',
      '  - "n": 1',
      '    name: a',
      '  - - 1',
      '    - - 2',
      '  - {}',
      '  - []',
      '',
    ].join('\n'),
  )
})

it('is read back as what it was', () => {
  const value = {
    a: [
      'x\ny',
      ' lead\nb ',
      '\n',
      'tab\t\n',
      '"q"',
      "'",
      'a: b',
      '...',
      '---',
      '\u0007',
      'ends \nso',
      '0',
      '1e3',
      '-',
      '?',
      ':',
    ],
    b: { c: null, d: true, e: 1.5, f: [] },
  }
  expect(parse(toYaml(value), { version: '1.1' })).toEqual(value)
})
