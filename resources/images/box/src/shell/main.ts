import { readFileSync, closeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { Usage } from '../applet.ts'
import { BrokenPipe, complain, read, readAll, reason } from '../io.ts'
import { FunctionExit, LoopExit, ShellExit } from './api.ts'
import { builtins, writers } from './builtins.ts'
import { interact } from './interactive.ts'
import { parse } from './parser.ts'
import type { SubshellTask } from './launcher.ts'
import { Interpreter } from './shell.ts'
import { Incomplete, SyntaxFault } from './syntax.ts'
import { readOptions } from './builtins-state.ts'

/** `sh`: a POSIX shell. */
export async function sh(args: readonly string[], tools: ReadonlySet<string>): Promise<number> {
  if (args[0] === '--subshell') return subshell(Number(args[1]), tools)
  const { command, script, forceInteractive, readInput, switches, rest } = readArguments(args)
  const terminal = isatty(0) && isatty(2)
  const interactive = command === undefined && script === undefined && (forceInteractive || terminal)
  const shell = new Interpreter({ builtins, writers, tools, interactive, onFirstChild: () => endAsFirstProcess(shell) })
  shell.state.readEnvironment(process.env)
  shell.set('PWD', process.cwd())
  shell.set('IFS', ' \t\n')
  shell.set('OPTIND', '1')
  readOptions(switches, shell)

  if (command !== undefined) {
    shell.state.name = rest[0] ?? 'sh'
    shell.state.positional = rest.slice(1)
    return toEnd(shell, () => shell.runLast(parse(command)))
  }
  if (script !== undefined && !readInput) {
    shell.state.name = script
    shell.state.positional = rest
    return toEnd(shell, () => shell.run(parse(readScript(script))))
  }
  shell.state.positional = rest
  if (interactive)
    return toEnd(shell, () =>
      interact(shell, () => [...builtins.keys(), ...tools, ...shell.state.functions.keys()].sort()),
    )
  return toEnd(shell, () => runInput(shell))
}

/** The kernel drops signals that the first process of a pid namespace does not handle; a shell there should end on them. */
function endAsFirstProcess(shell: Interpreter): void {
  if (process.pid !== 1 || shell.interactive) return
  for (const [name, number] of [
    ['TERM', 15],
    ['HUP', 1],
    ['INT', 2],
  ] as const)
    shell.traps.setDefault(name, () => process.exit(128 + number))
}

async function subshell(descriptor: number, tools: ReadonlySet<string>): Promise<number> {
  const task = JSON.parse(readAll(descriptor).toString()) as SubshellTask
  closeSync(descriptor)
  const shell = new Interpreter({ builtins, writers, tools, interactive: false })
  shell.state.inherit(task.inheritance)
  for (const name of task.inheritance.ignored) shell.traps.set(name, '')
  return toEnd(shell, () => shell.runLast(task.body))
}

async function toEnd(shell: Interpreter, run: () => Promise<number>): Promise<number> {
  let status = await guarded(shell, run)
  const farewell = shell.traps.get('EXIT')
  if (farewell !== undefined) {
    shell.traps.set('EXIT', undefined)
    shell.state.status = status
    status = await guarded(shell, async () => {
      await shell.evaluate(farewell)
      return status
    })
  }
  return status
}

async function guarded(shell: Interpreter, run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof ShellExit || error instanceof FunctionExit) return error.status
    if (error instanceof LoopExit) return 0
    if (error instanceof BrokenPipe) return 141
    shell.complain(`${shell.state.name}: ${reason(error)}`)
    return error instanceof SyntaxFault ? 2 : 1
  }
}

/** Commands from standard input, each run as soon as it is whole: they may read what follows themselves. */
async function runInput(shell: Interpreter): Promise<number> {
  const byte = Buffer.alloc(1)
  const line: number[] = []
  let text = ''
  for (;;) {
    const ended = read(0, byte, 1) === 0
    if (!ended) line.push(byte[0]!)
    if (!ended && byte[0] !== 10) continue
    text += Buffer.from(line.splice(0)).toString()
    try {
      const list = parse(text)
      text = ''
      await shell.run(list)
    } catch (error) {
      if (!(error instanceof Incomplete) || ended) throw error
    }
    if (ended) return shell.state.status
  }
}

function readScript(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    complain(`sh: can't open '${file}': ${reason(error)}`)
    throw new ShellExit(127)
  }
}

function readArguments(args: readonly string[]) {
  let command: string | undefined
  let forceInteractive = false
  let readInput = false
  let wantsCommand = false
  const switches: string[] = []
  let at = 0
  for (; at < args.length && /^[-+]./.test(args[at]!); at++) {
    const argument = args[at]!
    if (argument === '--') {
      at++
      break
    }
    if (argument.startsWith('--')) throw new Usage(`unrecognized option '${argument}'`)
    const kept = argument.slice(1).replace(/[cisl]/g, '')
    if (argument.includes('c')) wantsCommand = true
    if (argument.includes('i')) forceInteractive = true
    if (argument.includes('s')) readInput = true
    if (kept) switches.push(argument[0] + kept)
    if (kept.endsWith('o')) switches.push(args[++at] ?? '')
  }
  if (wantsCommand) {
    command = args[at++]
    if (command === undefined) throw new Usage('-c requires an argument')
  }
  const script = command === undefined && !readInput ? args[at++] : undefined
  return { command, script, forceInteractive, readInput, switches, rest: args.slice(at) }
}
