// @vitest-environment node
import { expect, it } from 'vitest'
import { splitWords } from './shells.ts'

it('splits a line into words as a shell would', () => {
  expect(splitWords('python -c "print(\\"hi\\")"')).toEqual(['python', '-c', 'print("hi")'])
  expect(splitWords("sh -c 'echo a b'")).toEqual(['sh', '-c', 'echo a b'])
  expect(splitWords('   ')).toEqual([])
})
