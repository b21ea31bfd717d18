import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Usage } from '../cgroups/usage.ts'

interface ProcessRow {
  pid: number
  parent: number
  cpuNanos: number
  memoryBytes: number
}

const nanosPerTick = 10_000_000
const pageBytes = 4096

/** What process trees use, by the pid of their root; where there are no control groups. Empty on Windows. */
export function processUsage(roots: readonly number[]): Map<number, Usage> {
  if (!roots.length || process.platform === 'win32') return new Map()
  const rows = process.platform === 'linux' ? procRows() : psRows()
  const children = new Map<number, ProcessRow[]>()
  for (const row of rows) children.set(row.parent, [...(children.get(row.parent) ?? []), row])
  const sum = (row: ProcessRow): Usage =>
    (children.get(row.pid) ?? []).map(sum).reduce<Usage>(
      (total, next) => ({
        cpuNanos: total.cpuNanos + next.cpuNanos,
        memoryBytes: total.memoryBytes + next.memoryBytes,
      }),
      row,
    )
  const wanted = new Set(roots)
  return new Map(
    rows
      .filter(({ pid }) => wanted.has(pid))
      .map((row) => {
        const { cpuNanos, memoryBytes } = sum(row)
        return [row.pid, { cpuNanos, memoryBytes }]
      }),
  )
}

function procRows(): ProcessRow[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      return [parseStat(readFileSync(`/proc/${name}/stat`, 'utf8'))]
    } catch {
      return []
    }
  })
}

/** proc(5): the name in parentheses may hold anything, so fields are counted from its end. */
export function parseStat(text: string): ProcessRow {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  return {
    pid: Number.parseInt(text, 10),
    parent: field(4),
    cpuNanos: (field(14) + field(15)) * nanosPerTick,
    memoryBytes: field(24) * pageBytes,
  }
}

function psRows(): ProcessRow[] {
  const text = execFileSync('ps', ['-axo', 'pid=,ppid=,rss=,time='], { encoding: 'utf8' })
  return text.split('\n').flatMap((line) => {
    const [pid, parent, kilobytes, time] = line.trim().split(/\s+/)
    if (!pid || !parent || !kilobytes || !time) return []
    const seconds = time.split(':').reduce((total, part) => total * 60 + Number(part), 0)
    return [
      { pid: Number(pid), parent: Number(parent), cpuNanos: seconds * 1e9, memoryBytes: Number(kilobytes) * 1024 },
    ]
  })
}
