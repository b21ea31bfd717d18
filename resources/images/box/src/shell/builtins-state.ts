import path from 'node:path'
import { options, Usage } from '../applet.ts'
import type { Builtin, Shell } from './api.ts'
import { readByte } from './descriptors.ts'

const longOptions: Readonly<Record<string, string>> = {
  errexit: 'e',
  nounset: 'u',
  xtrace: 'x',
  noglob: 'f',
  allexport: 'a',
  noexec: 'n',
  verbose: 'v',
  noclobber: 'C',
  pipefail: 'pipefail',
}

const nameText = /^([A-Za-z_]\w*)(?:=([\s\S]*))?$/

/** Commands that change or show the shell's variables and options. */
export const stateBuiltins: Record<string, Builtin> = {
  cd(args, shell) {
    const [given] = args.filter((argument) => !/^-[LP]$/.test(argument))
    const back = given === '-'
    const target = back ? shell.get('OLDPWD') : (given ?? shell.get('HOME'))
    if (!target) throw new Error(back ? 'OLDPWD not set' : 'HOME not set')
    const before = process.cwd()
    try {
      process.chdir(target)
    } catch (error) {
      throw new Error(`can't cd to ${target}`, { cause: error })
    }
    shell.set('OLDPWD', shell.get('PWD') ?? before)
    shell.set('PWD', target.startsWith('/') ? path.posix.normalize(target).replace(/(.)\/$/, '$1') : process.cwd())
    if (back) shell.out(`${shell.get('PWD')}\n`)
    return 0
  },
  pwd(_args, shell) {
    shell.out(`${process.cwd()}\n`)
    return 0
  },

  set(args, shell) {
    if (!args.length) {
      for (const [name, { value }] of [...shell.state.variables].sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (value !== undefined) shell.out(`${name}='${value.replaceAll("'", `'\\''`)}'\n`)
      }
      return 0
    }
    const rest = readOptions(args, shell)
    if (rest) shell.state.positional = rest
    return 0
  },
  shift([text], shell) {
    const count = Number(text ?? 1)
    if (count > shell.positional.length) throw new Usage("can't shift that many")
    shell.state.positional = shell.state.positional.slice(count)
    return 0
  },
  unset(args, shell) {
    const { has, rest } = options(args, 'fv')
    for (const name of rest) {
      if (has('f')) shell.state.functions.delete(name)
      else shell.state.unset(name)
    }
    return 0
  },
  export: (args, shell) => mark(args, shell, 'exported', 'export'),
  readonly: (args, shell) => mark(args, shell, 'readonly', 'readonly'),
  local(args, shell) {
    if (!shell.state.inFunction) throw new Usage('not in a function')
    for (const argument of args) {
      const [, name, value] = nameText.exec(argument) ?? []
      if (name === undefined) throw new Usage(`${argument}: bad variable name`)
      shell.state.makeLocal(name)
      if (value !== undefined) shell.set(name, value)
    }
    return 0
  },

  async read(args, shell) {
    const { has, value, rest } = options(args, 'rp:t:n:s')
    const prompt = value('p')
    if (prompt !== undefined) shell.complain(prompt)
    const input = shell.descriptors.get(0)
    if (input === undefined) return 1
    const bytes: number[] = []
    let ended = false
    for (;;) {
      const byte = readByte(input)
      if (byte < 0) ended = true
      if (byte < 0 || byte === 10) {
        // A backslash at the end joins the next line, unless -r says otherwise.
        if (byte === 10 && !has('r') && oddBackslashes(bytes)) {
          bytes.pop()
          continue
        }
        break
      }
      bytes.push(byte)
    }
    assign(Buffer.from(bytes).toString(), rest.length ? rest : ['REPLY'], has('r'), shell)
    return ended ? 1 : 0
  },

  getopts([letters = '', name = '', ...given], shell) {
    const args = given.length ? given : [...shell.positional]
    const index = Number(shell.get('OPTIND') ?? 1)
    const within = Number(shell.get('OPTPOS') ?? 1)
    const argument = args[index - 1]
    if (argument === undefined || argument === '-' || !argument.startsWith('-') || argument === '--') {
      if (argument === '--') shell.set('OPTIND', String(index + 1))
      shell.set(name, '?')
      return 1
    }
    const letter = argument[within]!
    const known = letters.replace(/^:/, '').indexOf(letter)
    const takesValue = letters.replace(/^:/, '')[known + 1] === ':'
    const last = within + 1 >= argument.length
    shell.state.unset('OPTARG')
    let next = last ? index + 1 : index
    if (known >= 0 && letter !== ':' && takesValue) {
      shell.set('OPTARG', last ? (args[index] ?? '') : argument.slice(within + 1))
      next = last ? index + 2 : index + 1
    }
    shell.set('OPTIND', String(next))
    shell.set('OPTPOS', next === index ? String(within + 1) : '1')
    const valid = known >= 0 && letter !== ':'
    if (!valid && !letters.startsWith(':')) shell.complain(`Illegal option -${letter}`)
    shell.set(name, valid ? letter : '?')
    return 0
  },

  umask([mask], shell) {
    if (mask === undefined) shell.out(`${process.umask().toString(8).padStart(4, '0')}\n`)
    else process.umask(Number.parseInt(mask, 8))
    return 0
  },
  hash: () => 0,
  times(_args, shell) {
    const { user, system } = process.cpuUsage()
    const text = (micros: number) => `${Math.floor(micros / 60e6)}m${((micros % 60e6) / 1e6).toFixed(3)}s`
    shell.out(`${text(user)} ${text(system)}\n0m0.000s 0m0.000s\n`)
    return 0
  },
}

/** Takes `-eux`, `+x`, `-o name`; answers the new positional parameters, if any are given. */
export function readOptions(args: readonly string[], shell: Shell): string[] | undefined {
  for (let at = 0; at < args.length; at++) {
    const argument = args[at]!
    if (argument === '--') return args.slice(at + 1)
    if (!/^[-+]./.test(argument)) return args.slice(at)
    const change = (option: string) =>
      argument.startsWith('-') ? shell.state.options.add(option) : shell.state.options.delete(option)
    for (const letter of argument.slice(1)) {
      if (letter !== 'o') {
        change(letter)
        continue
      }
      const name = args[++at] ?? ''
      const option = longOptions[name]
      if (option === undefined) throw new Usage(`illegal option -o ${name}`)
      change(option)
    }
  }
  return undefined
}

function mark(args: readonly string[], shell: Shell, property: 'exported' | 'readonly', word: string): number {
  const names = args.filter((argument) => argument !== '-p')
  if (!names.length) {
    for (const [name, variable] of shell.state.variables) {
      if (variable[property]) shell.out(`${word} ${name}='${(variable.value ?? '').replaceAll("'", `'\\''`)}'\n`)
    }
    return 0
  }
  for (const argument of names) {
    const [, name, value] = nameText.exec(argument) ?? []
    if (name === undefined) throw new Usage(`${argument}: bad variable name`)
    if (value !== undefined) shell.set(name, value)
    shell.state.mark(name, { [property]: true })
  }
  return 0
}

const oddBackslashes = (bytes: readonly number[]): boolean => {
  let count = 0
  while (bytes[bytes.length - 1 - count] === 92) count++
  return count % 2 === 1
}

/** Splits a line over variables; the last gets what is left. */
function assign(line: string, names: readonly string[], raw: boolean, shell: Shell): void {
  const separators = shell.get('IFS') ?? ' \t\n'
  const blanks = Array.from(separators)
    .filter((c) => ' \t\n'.includes(c))
    .join('')
  const isSeparator = (c: string) => separators.includes(c)
  const plain = (text: string) => (raw ? text : text.replace(/\\([\s\S])/g, '$1'))
  const trimStart = (text: string) => {
    let at = 0
    while (at < text.length && blanks.includes(text[at]!)) at++
    return text.slice(at)
  }
  const trimEnd = (text: string) => {
    let end = text.length
    while (end > 0 && blanks.includes(text[end - 1]!)) end--
    return text.slice(0, end)
  }
  let rest = trimStart(line)
  names.forEach((name, index) => {
    if (index === names.length - 1) {
      shell.set(name, plain(trimEnd(rest)))
      return
    }
    let end = 0
    while (end < rest.length && !isSeparator(rest[end]!)) end += !raw && rest[end] === '\\' ? 2 : 1
    shell.set(name, plain(rest.slice(0, end)))
    const after = trimStart(rest.slice(end))
    // One separator that is no blank belongs to the field before it.
    rest = after && isSeparator(after[0]!) && !blanks.includes(after[0]!) ? trimStart(after.slice(1)) : after
  })
}
