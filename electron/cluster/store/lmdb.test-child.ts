/**
 * A process of its own for lmdb.test.ts: `DIRECTORY hammer WRITERS` writes until it is killed and prints a line per
 * acknowledged write; `DIRECTORY count N` makes N writes one after the other; `DIRECTORY open` tries to open.
 */
import { writeSync } from 'node:fs'
import { StoreOpenError } from './api.ts'
import { openLmdbStore } from './lmdb.ts'

const [directory, mode, number] = process.argv.slice(2) as [string, string, string?]
const say = (line: string) => writeSync(1, `${line}\n`)

try {
  const store = await openLmdbStore({ directory })
  const { revision } = store
  say(`open ${revision}`)
  const write = async (key: string, value: string) => {
    const [entry] = await store.write([{ key, value: () => Buffer.from(value) }])
    say(`ack ${key} ${value} ${entry!.revision}`)
  }
  if (mode === 'count') {
    for (let i = 0; i < Number(number); i++) await write(`/count/${i}`, 'x')
  } else if (mode === 'hammer') {
    const writer = async (id: number) => {
      for (let i = 0; ; i++) await write(`/hammer/${revision}/${id}/${i % 50}`, `${i}`)
    }
    await Promise.all(Array.from({ length: Number(number) }, (_, id) => writer(id)))
  }
  await store[Symbol.asyncDispose]()
} catch (error) {
  if (!(error instanceof StoreOpenError)) throw error
  say(`refused ${JSON.stringify({ message: error.message, cure: error.cure })}`)
  process.exitCode = 3
}
