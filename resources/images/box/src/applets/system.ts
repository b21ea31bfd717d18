import { spawnSync } from 'node:child_process'
import os from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { options, Usage, type Applet } from '../applet.ts'
import { complain, eachInput, out, readAll, reason } from '../io.ts'
import { findProgram } from '../shell/find.ts'
import { echo as echoText } from './echo.ts'
import { printf as printfText } from './printf.ts'
import { test as testWords } from './test.ts'
import { groupName, userName } from './users.ts'

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 }
/** What one timer can wait. */
const longestTimer = 2 ** 31 - 1

export const sleep: Applet = async (args) => {
  if (!args.length) throw new Usage('missing operand')
  let left = 0
  for (const text of args) {
    const [, number, unit = 's'] = /^(\d*\.?\d+|inf(?:inity)?)([smhd]?)$/.exec(text) ?? []
    if (number === undefined) throw new Usage(`invalid number '${text}'`)
    left += (number.startsWith('inf') ? Infinity : Number(number)) * seconds[unit || 's']! * 1000
  }
  for (; left > 0; left -= longestTimer) await wait(Math.min(left, longestTimer))
  return 0
}

export const echo: Applet = (args) => {
  out(echoText(args))
  return 0
}

export const printf: Applet = (args) => {
  const { text, fault } = printfText(args)
  out(text)
  if (fault) complain(`printf: ${fault}`)
  return fault ? 1 : 0
}

export const test: Applet = (args, name) => testWords(args, name === '[' ? ']' : name === '[[' ? ']]' : undefined)

const pad = (value: number, width = 2): string => String(value).padStart(width, '0')
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

export const date: Applet = (args) => {
  const { has, value, rest } = options(args, 'uId:s:r:R', { utc: 'u' })
  const given = value('d')
  const moment =
    given === undefined ? new Date() : new Date(given.startsWith('@') ? Number(given.slice(1)) * 1000 : given)
  if (Number.isNaN(moment.getTime())) throw new Usage(`invalid date '${given}'`)
  // In UTC, a date shifted by the zone's offset shows local time.
  const offset = has('u') ? 0 : -moment.getTimezoneOffset()
  const zone =
    has('u') || offset === 0
      ? 'UTC'
      : `${offset < 0 ? '-' : '+'}${pad(Math.floor(Math.abs(offset) / 60))}${pad(Math.abs(offset) % 60)}`
  const shifted = new Date(moment.getTime() + offset * 60_000)
  const format =
    rest.find((word) => word.startsWith('+'))?.slice(1) ??
    (has('I') ? '%Y-%m-%d' : has('R') ? '%a, %d %b %Y %H:%M:%S %z' : '%a %b %e %H:%M:%S %Z %Y')
  out(`${formatDate(format, moment, shifted, zone)}\n`)
  return 0
}

function formatDate(format: string, moment: Date, at: Date, zone: string): string {
  const hour = at.getUTCHours()
  const values: Readonly<Record<string, () => string>> = {
    Y: () => String(at.getUTCFullYear()),
    y: () => pad(at.getUTCFullYear() % 100),
    m: () => pad(at.getUTCMonth() + 1),
    d: () => pad(at.getUTCDate()),
    e: () => String(at.getUTCDate()).padStart(2),
    H: () => pad(hour),
    I: () => pad(hour % 12 || 12),
    M: () => pad(at.getUTCMinutes()),
    S: () => pad(at.getUTCSeconds()),
    N: () => `${pad(at.getUTCMilliseconds(), 3)}000000`,
    s: () => String(Math.floor(moment.getTime() / 1000)),
    a: () => days[at.getUTCDay()]!.slice(0, 3),
    A: () => days[at.getUTCDay()]!,
    b: () => months[at.getUTCMonth()]!.slice(0, 3),
    B: () => months[at.getUTCMonth()]!,
    p: () => (hour < 12 ? 'AM' : 'PM'),
    u: () => String(at.getUTCDay() || 7),
    j: () => pad(Math.floor((at.getTime() - Date.UTC(at.getUTCFullYear(), 0, 1)) / 86_400_000) + 1, 3),
    F: () => formatDate('%Y-%m-%d', moment, at, zone),
    T: () => formatDate('%H:%M:%S', moment, at, zone),
    R: () => formatDate('%H:%M', moment, at, zone),
    D: () => formatDate('%m/%d/%y', moment, at, zone),
    Z: () => zone,
    z: () => (zone === 'UTC' ? '+0000' : zone),
    n: () => '\n',
    t: () => '\t',
    '%': () => '%',
  }
  return format.replace(/%([a-zA-Z%])/g, (whole, letter: string) => values[letter]?.() ?? whole)
}

export const id: Applet = (args) => {
  const { has } = options(args, 'ugGn')
  const [user, group] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  if (has('u')) out(`${has('n') ? userName(user) : user}\n`)
  else if (has('g') || has('G')) out(`${has('n') ? groupName(group) : group}\n`)
  else {
    const groups = [...new Set([group, ...(process.getgroups?.() ?? [])])]
    const named = (number: number, name: string) => (name === String(number) ? name : `${number}(${name})`)
    out(
      `uid=${named(user, userName(user))} gid=${named(group, groupName(group))} groups=${groups.map((each) => named(each, groupName(each))).join(',')}\n`,
    )
  }
  return 0
}

export const whoami: Applet = () => {
  out(`${userName(process.getuid?.() ?? 0)}\n`)
  return 0
}

export const hostname: Applet = (args) => {
  const { has } = options(args, 'sfid')
  const addresses = Object.values(os.networkInterfaces()).flatMap((list = []) =>
    list.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address),
  )
  out(`${has('i') ? addresses.join(' ') : has('s') ? os.hostname().split('.')[0] : os.hostname()}\n`)
  return 0
}

export const uname: Applet = (args) => {
  const { has } = options(args, 'asnrvm')
  const parts: readonly [string, string][] = [
    ['s', os.type()],
    ['n', os.hostname()],
    ['r', os.release()],
    ['v', os.version()],
    ['m', os.machine()],
  ]
  const shown = parts.filter(([flag]) => has('a') || has(flag))
  out(`${(shown.length ? shown : parts.slice(0, 1)).map(([, value]) => value).join(' ')}\n`)
  return 0
}

export const env: Applet = (args) => {
  const { has, values, rest } = options(args, 'iu:', { 'ignore-environment': 'i', unset: 'u' }, true)
  const environment: NodeJS.ProcessEnv = has('i') ? {} : { ...process.env }
  for (const name of values('u')) delete environment[name]
  let at = 0
  for (; /^[^=]+=/.test(rest[at] ?? ''); at++) {
    const equals = rest[at]!.indexOf('=')
    environment[rest[at]!.slice(0, equals)] = rest[at]!.slice(equals + 1)
  }
  const [program, ...programArgs] = rest.slice(at)
  if (program === undefined) {
    for (const [name, value] of Object.entries(environment)) out(`${name}=${value}\n`)
    return 0
  }
  const done = spawnSync(program, programArgs, { stdio: 'inherit', env: environment })
  if (!done.error) return done.status ?? 128 + (done.signal ? os.constants.signals[done.signal] : 0)
  complain(`env: ${program}: ${reason(done.error)}`)
  return 127
}

export const printenv: Applet = (args) => {
  if (!args.length) return env([], 'env')
  for (const name of args) if (process.env[name] !== undefined) out(`${process.env[name]}\n`)
  return args.every((name) => process.env[name] !== undefined) ? 0 : 1
}

export const which: Applet = (args) => {
  let status = 0
  for (const name of args.filter((argument) => argument !== '-a')) {
    const program = findProgram(name, process.env['PATH'] ?? '', new Set())
    if (program) out(`${program.path}\n`)
    else status = 1
  }
  return status
}

export const pwd: Applet = () => {
  out(`${process.cwd()}\n`)
  return 0
}

export const clear: Applet = () => {
  out('\x1b[H\x1b[2J\x1b[3J')
  return 0
}

export const base64: Applet = (args) => {
  const { has, value, rest } = options(args, 'dDw:i', { decode: 'd', wrap: 'w' })
  const width = Number(value('w') ?? 76)
  return eachInput('base64', rest, (descriptor) => {
    const bytes = readAll(descriptor)
    if (has('d') || has('D')) {
      out(Buffer.from(bytes.toString(), 'base64'))
      return
    }
    const text = bytes.toString('base64')
    out(width > 0 ? text.replace(new RegExp(`.{1,${width}}`, 'g'), '$&\n') : text)
  })
}

/** md5sum, sha1sum, sha256sum, sha512sum. */
export const checksum: Applet = async (args, name) => {
  const { createHash } = await import('node:crypto')
  return eachInput(name, options(args, 'bt').rest, (descriptor, file) => {
    out(`${createHash(name.replace('sum', '')).update(readAll(descriptor)).digest('hex')}  ${file}\n`)
  })
}

/** Arithmetic and comparison of `expr`, lowest first. */
const levels = [['|'], ['&'], ['=', '==', '!=', '<', '<=', '>', '>='], ['+', '-'], ['*', '/', '%'], [':']]

export const expr: Applet = (args) => {
  let at = 0
  const parse = (level: number): string => {
    if (level === levels.length) {
      const word = args[at++]
      if (word === undefined) throw new Usage('syntax error')
      if (word !== '(') return word
      const inner = parse(0)
      if (args[at++] !== ')') throw new Usage('syntax error')
      return inner
    }
    let left = parse(level + 1)
    while (levels[level]!.includes(args[at] ?? '')) left = exprStep(left, args[at++]!, parse(level + 1))
    return left
  }
  const value = parse(0)
  if (at < args.length) throw new Usage('syntax error')
  out(`${value}\n`)
  return value === '' || value === '0' ? 1 : 0
}

function exprStep(left: string, operator: string, right: string): string {
  const isNumber = (text: string) => /^-?\d+$/.test(text)
  const numbers = isNumber(left) && isNumber(right)
  switch (operator) {
    case '|':
      return left !== '' && left !== '0' ? left : right
    case '&':
      return left !== '' && left !== '0' && right !== '' && right !== '0' ? left : '0'
    case ':': {
      const found = new RegExp(`^(?:${right.replaceAll('\\(', '(').replaceAll('\\)', ')')})`).exec(left)
      return found?.[1] ?? String(found?.[0].length ?? 0)
    }
    case '+':
    case '-':
    case '*':
    case '/':
    case '%': {
      if (!numbers) throw new Usage('non-numeric argument')
      const [a, b] = [BigInt(left), BigInt(right)]
      if ((operator === '/' || operator === '%') && b === 0n) throw new Usage('division by zero')
      return String(
        { '+': () => a + b, '-': () => a - b, '*': () => a * b, '/': () => a / b, '%': () => a % b }[operator](),
      )
    }
    default: {
      const order = numbers ? Number(left) - Number(right) : left < right ? -1 : left > right ? 1 : 0
      const holds = {
        '=': order === 0,
        '==': order === 0,
        '!=': order !== 0,
        '<': order < 0,
        '<=': order <= 0,
        '>': order > 0,
        '>=': order >= 0,
      }[operator]
      return holds ? '1' : '0'
    }
  }
}
