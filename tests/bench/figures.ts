import { readFileSync } from 'node:fs'
import { descendants } from '../support/processes.ts'

/** A value of the sorted list at a share between 0 and 1. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN

export const median = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  )

export const round = (value: number, digits = 0): string => (Number.isFinite(value) ? value.toFixed(digits) : '-')

/** Prints rows as a Markdown table. */
export function printTable(title: string, rows: readonly Record<string, string | number>[]): void {
  const columns = Object.keys(rows[0] ?? {})
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => String(row[column]).length)))
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  console.log(`\n${title}`)
  console.log(line(columns))
  console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
  for (const row of rows) console.log(line(columns.map((column) => String(row[column]))))
}

const statusMiB = (pid: number, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) /
  1024

/** Resident memory of a process, MiB. */
export const residentMiB = (pid: number): number => statusMiB(pid, 'VmRSS')

/** What of it is its own: no program text, which all processes of a program share. */
export const ownMiB = (pid: number): number => statusMiB(pid, 'RssAnon')

/** CPU time of a process so far, seconds; with `waited`, that of its children that have ended too. Linux. */
export function cpuSeconds(pid: number, waited = false): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15)
  return (user + system + (waited ? childUser + childSystem : 0)) / 100
}

/** The same of a process, of all that it has started, and of what those have. Linux. */
export function treeCpuSeconds(pid: number): number {
  let sum = 0
  for (const each of [pid, ...descendants(pid)]) {
    try {
      sum += cpuSeconds(each, true)
    } catch {
      // It has ended: counted with its parent.
    }
  }
  return sum
}
