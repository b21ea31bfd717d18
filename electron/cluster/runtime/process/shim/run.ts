import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { Readable, Writable } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import { closePipe, openPipes } from './pipes.ts'
import { shimVariable, type Program } from './protocol.ts'

export interface Exit {
  code: number
  signal?: number
}

/** A program that runs, with a terminal or with pipes. */
export interface Running {
  readonly pid: number
  readonly stdin?: Writable
  readonly stdout: Readable
  readonly stderr?: Readable
  resize(columns: number, rows: number): void
  /** The process is gone. */
  readonly exit: Promise<Exit>
  /** The process is gone and its output has been read, or is held open by others for longer than a moment. */
  readonly drained: Promise<void>
}

/** How long output may stay open and silent after its process ended: others that inherited it may keep it for ever. */
const drainMs = 1000

const windows = process.platform === 'win32'
const signalNumbers: Readonly<Record<string, number>> = constants.signals

export const exitOf = (code: number | null, signal: string | null): Exit =>
  signal === null
    ? { code: code ?? 0 }
    : { code: 128 + (signalNumbers[signal] ?? 0), signal: signalNumbers[signal] ?? 0 }

/** Rejects when the program cannot be started. `pipePrefix`: real pipes are made under that path. */
export function run(given: Program, clock: Clock, pipePrefix?: string): Promise<Running> {
  const guarded = shimVariable in given.env
  const program = guarded ? { ...given, env: { ...given.env, [shimVariable]: String(process.pid) } } : given
  if (program.tty) return runOnTerminal(program)
  return runOnPipes(program, clock, windows ? undefined : pipePrefix)
}

async function runOnPipes(program: Program, clock: Clock, pipePrefix: string | undefined): Promise<Running> {
  const [file, ...args] = program.argv
  const pipes = pipePrefix === undefined ? [] : await openPipes(pipePrefix, 2)
  const child = spawn(file!, args, {
    cwd: program.cwd,
    env: program.env,
    detached: !windows,
    windowsHide: true,
    stdio: [program.stdin ? 'pipe' : 'ignore', pipes[0]?.descriptor ?? 'pipe', pipes[1]?.descriptor ?? 'pipe'],
  })
  pipes.forEach(closePipe)
  const stdout = pipes[0]?.output ?? child.stdout!
  const stderr = pipes[1]?.output ?? child.stderr!
  const exit = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve(exitOf(code, signal))))
  try {
    await spawned(child)
  } catch (error) {
    stdout.destroy()
    stderr.destroy()
    throw error
  }
  child.stdin?.on('error', () => {})
  return {
    pid: child.pid!,
    ...(child.stdin ? { stdin: child.stdin } : {}),
    stdout,
    stderr,
    resize: () => {},
    exit,
    drained: exit.then(() => drain([stdout, stderr], clock)),
  }
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
}

/** What a slow reader holds back is waited for; what others hold open and say nothing on is not. */
async function drain(streams: Readable[], clock: Clock): Promise<void> {
  let seen = false
  const ended = streams.map((stream) => {
    stream.on('data', () => (seen = true))
    return new Promise<void>((resolve) => (stream.closed ? resolve() : stream.once('close', resolve)))
  })
  await new Promise<void>((resolve) => {
    let cancel = () => {}
    const look = () => {
      if (!seen && !streams.some((stream) => stream.isPaused())) return resolve()
      seen = false
      cancel = clock.after(drainMs, look)
    }
    cancel = clock.after(drainMs, look)
    void Promise.all(ended).then(() => {
      cancel()
      resolve()
    })
  })
}

async function runOnTerminal(program: Program): Promise<Running> {
  // Loaded when first needed: most pods never have a terminal, and it costs memory.
  const { spawn: spawnTerminal } = (await import('@lydell/node-pty')).default
  const [file, ...args] = program.argv
  const terminal = spawnTerminal(file!, [...args], {
    name: 'xterm-256color',
    cols: 80,
    rows: 24,
    cwd: program.cwd,
    env: { ...program.env },
    encoding: null,
  })
  const stdout = new Readable({ read: () => terminal.resume() })
  // Without an encoding the terminal hands out buffers, which its types do not say.
  terminal.onData((data: string | Buffer) => {
    if (!stdout.push(data)) terminal.pause()
  })
  // It takes buffers too, which its types do not say either.
  const write = terminal.write.bind(terminal) as unknown as (data: string | Buffer) => void
  const endOfTransmission = '\x04'
  const stdin = new Writable({
    write(chunk: Buffer, _encoding, done) {
      write(chunk)
      done()
    },
    final(done) {
      write(endOfTransmission)
      done()
    },
  })
  const exit = new Promise<Exit>((resolve) =>
    terminal.onExit(({ exitCode, signal }) => {
      stdout.push(null)
      resolve(signal ? { code: 128 + signal, signal } : { code: exitCode })
    }),
  )
  return {
    pid: terminal.pid,
    stdin,
    stdout,
    resize: (columns, rows) => {
      try {
        terminal.resize(columns, rows)
      } catch {
        // The program has just ended.
      }
    },
    exit,
    drained: exit.then(() => {}),
  }
}

/** Sends a signal; what is already gone is left alone. `group`: to the whole process group. */
export function signalProcess(pid: number, signal: NodeJS.Signals, group: boolean): void {
  if (pid <= 0) return
  if (windows && signal === 'SIGKILL') {
    execFile('taskkill', ['/pid', String(pid), '/T', '/F'], () => {})
    return
  }
  try {
    process.kill(group && !windows ? -pid : pid, signal)
  } catch {
    // ESRCH: it ended by itself.
  }
}
