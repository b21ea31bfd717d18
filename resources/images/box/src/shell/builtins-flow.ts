import { readFileSync } from 'node:fs'
import { numberOf, Usage } from '../applet.ts'
import { FunctionExit, LoopExit, ShellExit, type Builtin, type Shell } from './api.ts'
import { parse } from './parser.ts'
import { signalName, signalNumbers } from './traps.ts'

const count = (text: string | undefined): number => (text === undefined ? 1 : Math.max(1, numberOf(text)))

const statusArgument = (text: string | undefined, shell: Shell): number =>
  text === undefined ? shell.state.status : numberOf(text) & 255

/** Commands that steer the shell itself. */
export const flowBuiltins: Record<string, Builtin> = {
  ':': () => 0,
  break([levels]) {
    throw new LoopExit(count(levels), false)
  },
  continue([levels]) {
    throw new LoopExit(count(levels), true)
  },
  return([status], shell) {
    throw new FunctionExit(statusArgument(status, shell))
  },
  exit([status], shell) {
    throw new ShellExit(statusArgument(status, shell))
  },
  eval: (args, shell) => shell.evaluate(args.join(' ')),
  '.': (args, shell) => source(args, shell),
  source: (args, shell) => source(args, shell),
  exec: (args, shell) => (args.length ? shell.replace(args) : 0),

  command(args, shell) {
    const describes = args[0] === '-v' || args[0] === '-V'
    if (!describes)
      return shell.invoke(args[0] === '-p' || args[0] === '--' ? args.slice(1) : args, { functions: false })
    return tell(args.slice(1), shell, args[0] === '-V')
  },
  type: (args, shell) => tell(args, shell, true),

  trap(args, shell) {
    if (!args.length) {
      for (const [name, action] of shell.traps.entries())
        shell.out(`trap -- '${action.replaceAll("'", `'\\''`)}' ${name}\n`)
      return 0
    }
    const [first = '', ...others] = args[0] === '--' ? args.slice(1) : args
    const resets = first === '-' || (others.length === 0 && signalName(first) !== undefined)
    for (const text of resets && others.length === 0 ? [first] : others) {
      const name = signalName(text)
      if (name === undefined) throw new Usage(`${text}: invalid signal specification`)
      shell.traps.set(name, resets ? undefined : first)
    }
    return 0
  },

  async wait(args, shell) {
    const jobs = args.length ? args.map((name) => shell.jobs.find(name)) : [...shell.jobs.list()]
    let status = 0
    for (const job of jobs) {
      if (!job) {
        status = 127
        continue
      }
      const ended = await Promise.race([job.exit, shell.traps.interrupted().then(() => 'trap' as const)])
      if (ended === 'trap') return 128 + 15
      shell.jobs.forget(job)
      if (args.length) status = ended
    }
    return status
  },
  jobs(_args, shell) {
    for (const { number, text, status } of shell.jobs.list()) {
      shell.out(
        `[${number}]  ${status === undefined ? 'Running' : status === 0 ? 'Done' : `Done(${status})`}\t\t${text}\n`,
      )
    }
    return 0
  },
  kill(args, shell) {
    if (args[0] === '-l') {
      shell.out(
        `${Object.keys(signalNumbers)
          .map((name) => name.slice(3))
          .join(' ')}\n`,
      )
      return 0
    }
    let signal = 'TERM'
    let targets = args
    if (args[0] === '-s') [signal, targets] = [args[1] ?? '', args.slice(2)]
    else if (/^-\w/.test(args[0] ?? '')) [signal, targets] = [args[0]!.slice(1), args.slice(1)]
    if (targets[0] === '--') targets = targets.slice(1)
    const name = signal === '0' ? 0 : signalName(signal)
    if (name === undefined) throw new Usage(`unknown signal '${signal}'`)
    if (!targets.length) throw new Usage('usage: kill [-SIGNAL] PID…')
    for (const target of targets) {
      const pid = target.startsWith('%') ? shell.jobs.find(target)?.pid : numberOf(target, 'process id')
      if (pid === undefined) throw new Usage(`${target}: no such job`)
      process.kill(pid, name === 0 ? 0 : `SIG${name}`)
    }
    return 0
  },
}

async function source([file, ...args]: string[], shell: Shell): Promise<number> {
  if (file === undefined) throw new Usage('file name argument required')
  const list = parse(readFileSync(file, 'utf8'))
  const { positional } = shell.state
  if (args.length) shell.state.positional = args
  try {
    return await shell.run(list)
  } catch (error) {
    if (error instanceof FunctionExit) return error.status
    throw error
  } finally {
    if (args.length) shell.state.positional = positional
  }
}

function tell(names: readonly string[], shell: Shell, inWords: boolean): number {
  let status = 0
  for (const name of names) {
    const found = shell.find(name)
    if (!found) {
      if (inWords) shell.complain(`${name}: not found`)
      status = inWords ? 1 : 127
      continue
    }
    const kinds = { function: 'a function', builtin: 'a shell builtin', program: found.path }
    shell.out(inWords ? `${name} is ${kinds[found.kind]}\n` : `${found.kind === 'program' ? found.path : name}\n`)
  }
  return status
}
