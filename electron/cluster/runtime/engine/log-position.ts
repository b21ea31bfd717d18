import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import path from 'node:path'
import { nanosecondsOf, type LogLine } from './log-lines.ts'

/** How far back of the last record it is looked for others that the engine may put in another order. */
const overlap = 2_000_000_000n
const tailBytes = 256 * 1024

/** How much of a container's log has been written by an earlier agent. */
export interface LogPosition {
  /** From when on the engine's lines have to be looked at, in nanoseconds since the epoch; undefined: all of them. */
  readonly since: bigint | undefined
  /** Whether a line is there already; each is so once. */
  has(line: LogLine): boolean
}

export function logPosition(logPath: string): LogPosition {
  const records = [logPath, ...rotated(logPath)].map(lastRecords).find(({ length }) => length) ?? []
  const last = records.at(-1)?.at
  if (last === undefined) return { since: undefined, has: () => false }
  const first = records[0]!.at
  const since = last - overlap > first ? last - overlap : first
  const counts = new Map<string, number>()
  for (const { at, key } of records) if (at >= since) counts.set(key, (counts.get(key) ?? 0) + 1)
  return {
    since,
    has({ stream, tag, text, at }) {
      const key = `${stream} ${tag} ${text.toString('latin1')}`
      const count = counts.get(key) ?? 0
      if (at > last || !count) return false
      counts.set(key, count - 1)
      return true
    },
  }
}

/** The newest first: a log that was renamed away may be the last that was written to. */
function rotated(logPath: string): string[] {
  const prefix = `${path.basename(logPath)}.`
  const folder = path.dirname(logPath)
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && /\d$/.test(name))
    .sort()
    .reverse()
    .map((name) => path.join(folder, name))
}

function lastRecords(file: string): { at: bigint; key: string }[] {
  const lines = tail(file).split('\n').slice(0, -1)
  return lines.flatMap((line) => {
    const [, at, key] = /^(\d{4}-\S+Z) ((?:stdout|stderr) [FP] .*)$/s.exec(line) ?? []
    return at && key !== undefined ? [{ at: nanosecondsOf(at), key }] : []
  })
}

function tail(file: string): string {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    const from = Math.max(0, size - tailBytes)
    const data = Buffer.alloc(size - from)
    const text = data.toString('latin1', 0, readSync(descriptor, data, 0, data.length, from))
    // The first of them is cut.
    return from ? text.slice(text.indexOf('\n') + 1) : text
  } finally {
    closeSync(descriptor)
  }
}
