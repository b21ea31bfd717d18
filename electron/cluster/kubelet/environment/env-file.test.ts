import { expect, it } from 'vitest'
import { valueInEnvFile } from './env-file.ts'

const file = [
  '# comment',
  '',
  "  ONE='1' # one",
  "EMPTY=''",
  "LATER= 'x'",
  "TWO='a",
  " b=\\n'",
  "ONE='again'",
  '',
].join('\n')

it('finds the first value of a variable, as it is written, over several lines too', () => {
  expect(['ONE', 'TWO', 'EMPTY', 'LATER', 'NONE'].map((name) => valueInEnvFile(file, name))).toEqual([
    '1',
    'a\n b=\\n',
    undefined,
    undefined,
    undefined,
  ])
})

it.each([
  ['ONE', "invalid environment variable format at line 2: missing '='"],
  ["='1'", 'invalid environment variable format at line 2: empty variable name'],
  ["ONE ='1'", "invalid environment variable format at line 2: whitespace before '=' is not allowed"],
  ['ONE=1', 'invalid environment variable format at line 2: value must be enclosed in single quotes'],
  ["ONE='1'2", 'invalid environment variable format at line 2: unexpected content after closing quote'],
  ["ONE='1\n2", 'invalid environment variable format starting at line 2: unclosed single quote'],
])('refuses the line %j', (line, message) => {
  expect(() => valueInEnvFile(`A='b'\n${line}`, 'ONE')).toThrow(message)
})
