import { expect, it } from 'vitest'
import { jsonLines } from './json-lines.ts'

async function* chunks(...texts: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text)
}

const collect = async (source: AsyncIterable<Buffer>) => {
  const values: unknown[] = []
  for await (const value of jsonLines(source)) values.push(value)
  return values
}

it('joins lines that arrive in pieces, however they are cut', async () => {
  expect(await collect(chunks('{"a"', ':1}\n{"b":2}\n{"c', '":3}\n'))).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }])
})

it('keeps a character whole that is cut between two chunks', async () => {
  const bytes = Buffer.from('{"t":"é"}\n')
  expect(await collect(chunks(bytes.subarray(0, 7), bytes.subarray(7)))).toEqual([{ t: 'é' }])
})
