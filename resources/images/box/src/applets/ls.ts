import { lstatSync, readdirSync, readlinkSync, statSync, statfsSync, type Stats } from 'node:fs'
import path from 'node:path'
import { isatty } from 'node:tty'
import { options, type Applet } from '../applet.ts'
import { complain, out, reason } from '../io.ts'
import { groupName, userName } from './users.ts'

interface Entry {
  name: string
  file: string
  stats: Stats
}

export const ls: Applet = (args) => {
  const given = options(args, 'lahA1RdtSrFinLC', { all: 'a', 'almost-all': 'A', recursive: 'R', 'human-readable': 'h' })
  const { has } = given
  const operands = given.rest.length ? given.rest : ['.']
  let status = 0
  const read = (file: string, name = file): Entry[] => {
    try {
      return [{ name, file, stats: has('L') ? statSync(file) : lstatSync(file) }]
    } catch (error) {
      complain(`ls: ${file}: ${reason(error)}`)
      status = 1
      return []
    }
  }
  const compare = (a: Entry, b: Entry): number => {
    const order = has('t') ? b.stats.mtimeMs - a.stats.mtimeMs : has('S') ? b.stats.size - a.stats.size : 0
    return (has('r') ? -1 : 1) * (order || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  }
  const print = (entries: Entry[]) => {
    const sorted = entries.sort(compare)
    const names = sorted.map((entry) => label(entry, has))
    if (has('l') || has('n')) out(table(sorted, names, has))
    else if (has('1') || !isatty(1)) out(names.map((name) => `${name}\n`).join(''))
    else out(inColumns(names))
  }
  const list = (directory: string, titled: boolean) => {
    const dots = has('a') ? ['.', '..'] : []
    let names: string[]
    try {
      names = readdirSync(directory)
    } catch (error) {
      complain(`ls: ${directory}: ${reason(error)}`)
      status = 1
      return
    }
    const shown = [...dots, ...names.filter((name) => has('a') || has('A') || !name.startsWith('.'))]
    const entries = shown.flatMap((name) => read(path.posix.join(directory, name), name))
    if (titled) out(`${directory}:\n`)
    if (has('l')) out(`total ${Math.ceil(entries.reduce((sum, { stats }) => sum + (stats.blocks ?? 0), 0) / 2)}\n`)
    print(entries)
    if (!has('R')) return
    for (const { name, file, stats } of entries) {
      if (!stats.isDirectory() || name === '.' || name === '..') continue
      out('\n')
      list(file, true)
    }
  }
  const entries = operands.flatMap((operand) => read(operand))
  const isListed = ({ file, stats }: Entry) =>
    !has('d') && (stats.isDirectory() || (stats.isSymbolicLink() && !has('l') && isDirectory(file)))
  const files = entries.filter((entry) => !isListed(entry))
  const directories = entries.filter(isListed)
  if (files.length) print(files)
  directories.sort(compare).forEach(({ file }, index) => {
    if (index || files.length) out('\n')
    list(file, operands.length > 1 || has('R'))
  })
  return status
}

const isDirectory = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false

function label({ name, file, stats }: Entry, has: (flag: string) => boolean): string {
  const mark = !has('F') ? '' : stats.isDirectory() ? '/' : stats.isSymbolicLink() ? '@' : stats.mode & 0o111 ? '*' : ''
  const target = has('l') && stats.isSymbolicLink() ? ` -> ${readlinkSync(file)}` : ''
  return `${has('i') ? `${stats.ino} ` : ''}${name}${mark}${target}`
}

function table(entries: readonly Entry[], names: readonly string[], has: (flag: string) => boolean): string {
  const rows = entries.map(({ stats }) => [
    modeText(stats),
    String(stats.nlink),
    has('n') ? String(stats.uid) : userName(stats.uid),
    has('n') ? String(stats.gid) : groupName(stats.gid),
    has('h') ? humanSize(stats.size) : String(stats.size),
    dateText(stats.mtime),
  ])
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)))
  const cells = (row: readonly string[]) =>
    row.map((cell, column) =>
      column === 1 || column === 4 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column] ?? 0),
    )
  return rows.map((row, index) => `${cells(row).join(' ')} ${names[index]}\n`).join('')
}

function inColumns(names: readonly string[]): string {
  if (!names.length) return ''
  const width = Math.max(...names.map((name) => name.length)) + 2
  const terminal = Number(process.env['COLUMNS']) || process.stdout.columns || 80
  const columns = Math.max(1, Math.floor(terminal / width))
  const rows = Math.ceil(names.length / columns)
  let text = ''
  for (let row = 0; row < rows; row++) {
    const line = names.filter((_, index) => index % rows === row)
    text += `${line
      .map((name) => name.padEnd(width))
      .join('')
      .trimEnd()}\n`
  }
  return text
}

export function modeText(stats: Stats): string {
  const type = stats.isDirectory()
    ? 'd'
    : stats.isSymbolicLink()
      ? 'l'
      : stats.isSocket()
        ? 's'
        : stats.isFIFO()
          ? 'p'
          : stats.isCharacterDevice()
            ? 'c'
            : stats.isBlockDevice()
              ? 'b'
              : '-'
  const bits = Array.from('rwxrwxrwx', (letter, index) => (stats.mode & (1 << (8 - index)) ? letter : '-'))
  const special = (position: number, bit: number, letter: string) => {
    if (stats.mode & bit) bits[position] = bits[position] === '-' ? letter.toUpperCase() : letter
  }
  special(2, 0o4000, 's')
  special(5, 0o2000, 's')
  special(8, 0o1000, 't')
  return type + bits.join('')
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Half a year ago, the year says more than the hour. */
function dateText(date: Date): string {
  const day = `${months[date.getMonth()]} ${String(date.getDate()).padStart(2)}`
  const recent = Math.abs(Date.now() - date.getTime()) < 183 * 86_400_000
  const time = `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`
  return `${day} ${recent ? time : String(date.getFullYear()).padStart(5)}`
}

export function humanSize(bytes: number): string {
  let value = bytes
  for (const unit of ['', 'K', 'M', 'G', 'T']) {
    if (value < 1024 || unit === 'T') return unit ? `${value.toFixed(1)}${unit}` : String(value)
    value /= 1024
  }
  return String(value)
}

export const stat: Applet = (args) => {
  const { value, has, rest } = options(args, 'c:Lt')
  const format = value('c')
  for (const file of rest) {
    const stats = has('L') ? statSync(file) : lstatSync(file)
    const mode = (stats.mode & 0o7777).toString(8)
    const kind = stats.isDirectory()
      ? 'directory'
      : stats.isSymbolicLink()
        ? 'symbolic link'
        : stats.isFile()
          ? 'regular file'
          : 'special file'
    const values: Readonly<Record<string, string | number>> = {
      n: file,
      s: stats.size,
      a: mode,
      A: modeText(stats),
      u: stats.uid,
      g: stats.gid,
      U: userName(stats.uid),
      G: groupName(stats.gid),
      F: kind,
      Y: Math.floor(stats.mtimeMs / 1000),
      X: Math.floor(stats.atimeMs / 1000),
      y: stats.mtime.toISOString(),
      i: stats.ino,
      h: stats.nlink,
      b: stats.blocks,
    }
    if (format !== undefined)
      out(`${format.replace(/%([a-zA-Z])/g, (whole, letter: string) => String(values[letter] ?? whole))}\n`)
    else {
      out(`  File: ${file}\n  Size: ${stats.size}\tBlocks: ${stats.blocks}\t${kind}\n`)
      out(
        `Access: (${mode.padStart(4, '0')}/${modeText(stats)})  Uid: ${stats.uid}  Gid: ${stats.gid}\nModify: ${stats.mtime.toISOString()}\n`,
      )
    }
  }
  return 0
}

export const du: Applet = (args) => {
  const { has, value, rest } = options(args, 'shkad:', { summarize: 's', 'human-readable': 'h' })
  const deepest = has('s') ? 0 : Number(value('d') ?? Infinity)
  const print = (blocks: number, file: string) =>
    out(`${has('h') ? humanSize(blocks * 512) : Math.ceil(blocks / 2)}\t${file}\n`)
  const measure = (file: string, depth: number): number => {
    const stats = lstatSync(file)
    let blocks = stats.blocks ?? 0
    if (stats.isDirectory())
      for (const name of readdirSync(file)) blocks += measure(path.posix.join(file, name), depth + 1)
    if (depth <= deepest && (stats.isDirectory() || has('a') || depth === 0)) print(blocks, file)
    return blocks
  }
  for (const file of rest.length ? rest : ['.']) measure(file, 0)
  return 0
}

export const df: Applet = (args) => {
  const { has, rest } = options(args, 'hkPT')
  out(`Filesystem${has('h') ? '      Size' : ' 1K-blocks'}      Used Available Use% Mounted on\n`)
  for (const file of rest.length ? rest : ['/']) {
    const { blocks, bfree, bavail, bsize } = statfsSync(file)
    const size = (count: number) =>
      (has('h') ? humanSize(count * bsize) : String(Math.round((count * bsize) / 1024))).padStart(9)
    const used = blocks - bfree
    const percent = used + bavail ? Math.ceil((100 * used) / (used + bavail)) : 0
    out(
      `${'rootfs'.padEnd(10)} ${size(blocks)} ${size(used)} ${size(bavail)} ${String(percent).padStart(3)}% ${file}\n`,
    )
  }
  return 0
}
