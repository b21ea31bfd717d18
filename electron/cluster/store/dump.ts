import type { Store } from './api.ts'

/** One entry of a store, as dumps and snapshots carry it. */
export interface DumpedEntry {
  readonly key: string
  readonly value: Buffer
  readonly revision: number
  readonly created: number
}

/** Everything in a store at one revision. */
export interface Dump {
  readonly revision: number
  readonly entries: readonly DumpedEntry[]
}

const valueField = Buffer.from(',"value":')
const lineEnd = Buffer.from('}\n')

export const dumpOf = (store: Store): Dump => ({ revision: store.revision, entries: store.range('') })

/** A line of JSON for an entry whose value is JSON; its value comes last and is kept to the byte. */
export function* entryLine({ key, revision, created, value }: DumpedEntry): Iterable<Buffer> {
  yield Buffer.from(JSON.stringify({ key, revision, created }).slice(0, -1))
  yield valueField
  yield value
  yield lineEnd
}

/** Reads what `entryLine` wrote, without the line's end. Throws on anything else. */
export function parseEntryLine(line: Buffer): DumpedEntry {
  // Within JSON no string can hold these bytes: its quotes are escaped.
  const at = line.indexOf(valueField)
  const head = JSON.parse(`${line.subarray(0, at).toString()}}`) as Omit<DumpedEntry, 'value'>
  const { key, revision, created } = head
  if (at < 0 || typeof key !== 'string' || !Number.isSafeInteger(revision) || !Number.isSafeInteger(created))
    throw new Error('a line is no entry')
  return { key, revision, created, value: Buffer.from(line.subarray(at + valueField.length, line.length - 1)) }
}

/** A dump as it travels: a line with the revision and the number of entries, then the entries. */
export function dumpLines(dump: Dump): Buffer[] {
  const head = Buffer.from(`${JSON.stringify({ revision: dump.revision, entries: dump.entries.length })}\n`)
  return [head, ...dump.entries.flatMap((entry) => [...entryLine(entry)])]
}

/** Reads what `dumpLines` wrote. Throws when it is not whole. */
export function parseDump(bytes: Buffer): Dump {
  const lines = [...linesOf(bytes)]
  const { revision, entries: count } = JSON.parse((lines.shift() ?? '').toString()) as {
    revision: number
    entries: number
  }
  const entries = lines.map(parseEntryLine)
  if (entries.length !== count) throw new Error(`it holds ${entries.length} of ${count} entries`)
  return { revision, entries }
}

/** The complete lines of a text, without their ends. */
export function* linesOf(bytes: Buffer): Iterable<Buffer> {
  let from = 0
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
    yield bytes.subarray(from, end)
    from = end + 1
  }
}
