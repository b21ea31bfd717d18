import {
  chmodSync,
  copyFileSync,
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { options, Usage, type Applet } from '../applet.ts'
import { complain, out, reason } from '../io.ts'

/** Does one thing for each operand; a failure is told and the rest goes on. */
function each(program: string, operands: readonly string[], act: (operand: string) => void): number {
  if (!operands.length) throw new Usage('missing operand')
  let status = 0
  for (const operand of operands) {
    try {
      act(operand)
    } catch (error) {
      complain(`${program}: ${operand}: ${reason(error)}`)
      status = 1
    }
  }
  return status
}

export const mkdir: Applet = (args) => {
  const { has, value, rest } = options(args, 'pm:v', { parents: 'p' })
  const mode = value('m')
  return each('mkdir', rest, (directory) => {
    mkdirSync(directory, { recursive: has('p') })
    if (mode !== undefined) chmodSync(directory, Number.parseInt(mode, 8))
  })
}

export const rmdir: Applet = (args) => each('rmdir', options(args, 'p').rest, (directory) => rmdirSync(directory))

export const rm: Applet = (args) => {
  const { has, rest } = options(args, 'rRfiv', { recursive: 'r', force: 'f' })
  if (!rest.length && has('f')) return 0
  return each('rm', rest, (file) => {
    if (path.resolve(file) === '/') throw new Error('it is dangerous to remove /')
    const recursive = has('r') || has('R')
    if (!recursive && lstatSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new Error('is a directory')
    rmSync(file, { recursive, force: has('f') })
  })
}

/** `cp A B` and `cp A… DIRECTORY`, as pairs. */
function pairs(operands: readonly string[]): [from: string, to: string][] {
  const sources = operands.slice(0, -1)
  const target = operands.at(-1)
  if (target === undefined || !sources.length) throw new Usage('missing operand')
  const intoDirectory = statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false
  if (sources.length > 1 && !intoDirectory) throw new Usage(`target '${target}' is not a directory`)
  return sources.map((source) => [source, intoDirectory ? path.posix.join(target, path.basename(source)) : target])
}

export const cp: Applet = (args) => {
  const { has, rest } = options(args, 'rRapfLdv', { recursive: 'r' })
  const recursive = has('r') || has('R') || has('a')
  const targets = new Map(pairs(rest))
  return each('cp', [...targets.keys()], (source) => {
    if (statSync(source).isDirectory()) {
      if (!recursive) throw new Error('omitting directory')
      cpSync(source, targets.get(source)!, {
        recursive: true,
        preserveTimestamps: has('p') || has('a'),
        verbatimSymlinks: true,
      })
      return
    }
    copyFileSync(source, targets.get(source)!)
    const { atime, mtime, mode } = statSync(source)
    chmodSync(targets.get(source)!, mode)
    if (has('p') || has('a')) utimesSync(targets.get(source)!, atime, mtime)
  })
}

export const mv: Applet = (args) => {
  const targets = new Map(pairs(options(args, 'fnv').rest))
  return each('mv', [...targets.keys()], (source) => {
    try {
      renameSync(source, targets.get(source)!)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
      cpSync(source, targets.get(source)!, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
      rmSync(source, { recursive: true })
    }
  })
}

export const ln: Applet = (args) => {
  const { has, rest } = options(args, 'sfnv', { symbolic: 's', force: 'f' })
  const operands = rest.length === 1 ? [rest[0]!, '.'] : rest
  const targets = new Map(has('n') && rest.length === 2 ? [[rest[0]!, rest[1]!] as const] : pairs(operands))
  return each('ln', [...targets.keys()], (source) => {
    const link = targets.get(source)!
    if (has('f')) rmSync(link, { force: true })
    if (has('s')) symlinkSync(source, link)
    else linkSync(source, link)
  })
}

export const touch: Applet = (args) => {
  const { has, value, rest } = options(args, 'cd:r:amt:')
  const reference = value('r')
  const date = value('d')
  const time =
    reference !== undefined
      ? statSync(reference).mtime
      : date !== undefined
        ? new Date(date.startsWith('@') ? Number(date.slice(1)) * 1000 : date)
        : new Date()
  return each('touch', rest, (file) => {
    if (!statSync(file, { throwIfNoEntry: false })) {
      if (has('c')) return
      closeSync(openSync(file, 'a'))
    }
    utimesSync(file, time, time)
  })
}

export const chmod: Applet = (args) => {
  const [mode, ...files] = args.filter((argument) => argument !== '-R')
  if (mode === undefined) throw new Usage('missing operand')
  return each('chmod', files, (file) => chmodSync(file, newMode(mode, statSync(file).mode)))
}

function newMode(text: string, old: number): number {
  if (/^[0-7]+$/.test(text)) return Number.parseInt(text, 8)
  let mode = old & 0o7777
  for (const clause of text.split(',')) {
    const [, who = '', operator, letters = ''] = /^([ugoa]*)([-+=])([rwx]*)$/.exec(clause) ?? []
    if (operator === undefined) throw new Usage(`invalid mode '${text}'`)
    const bits = Array.from(letters).reduce((sum, letter) => sum | { r: 4, w: 2, x: 1 }[letter]!, 0)
    for (const [name, shift] of [
      ['u', 6],
      ['g', 3],
      ['o', 0],
    ] as const) {
      if (who && !who.includes(name) && !who.includes('a')) continue
      if (operator === '+') mode |= bits << shift
      else if (operator === '-') mode &= ~(bits << shift)
      else mode = (mode & ~(7 << shift)) | (bits << shift)
    }
  }
  return mode
}

export const mktemp: Applet = (args) => {
  const { has, value, rest } = options(args, 'dp:tqu')
  const template = rest[0] ?? path.posix.join(value('p') ?? tmpdir(), 'tmp.XXXXXX')
  const directory = mkdtempSync(template.replace(/X+$/, ''))
  if (!has('d')) {
    rmdirSync(directory)
    closeSync(openSync(directory, 'wx', 0o600))
  }
  out(`${directory}\n`)
  return 0
}

export const readlink: Applet = (args) => {
  const { has, rest } = options(args, 'fen')
  return each('readlink', rest, (file) =>
    out(`${has('f') || has('e') ? resolved(file) : readlinkSync(file)}${has('n') ? '' : '\n'}`),
  )
}

export const realpath: Applet = (args) =>
  each('realpath', options(args, 'ems').rest, (file) => out(`${resolved(file)}\n`))

/** The last part need not exist. */
function resolved(file: string, depth = 0): string {
  if (depth > 40) throw Object.assign(new Error(), { code: 'ELOOP' })
  const absolute = path.resolve(file)
  if (absolute === '/') return '/'
  const whole = path.join(resolved(path.dirname(absolute), depth + 1), path.basename(absolute))
  const link = lstatSync(whole, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(whole) : undefined
  return link === undefined ? whole : resolved(path.resolve(path.dirname(whole), link), depth + 1)
}

export const basename: Applet = ([name = '', suffix = '']) => {
  const base = path.posix.basename(name) || '/'
  out(`${suffix && base !== suffix && base.endsWith(suffix) ? base.slice(0, -suffix.length) : base}\n`)
  return 0
}

export const dirname: Applet = (args) => each('dirname', args, (name) => out(`${path.posix.dirname(name)}\n`))
