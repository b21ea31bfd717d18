import { once } from 'node:events'
import { PassThrough, Writable, type Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import type { ExecSession } from '../api.ts'
import { inItsOwnWords, type EngineConnection } from './connection.ts'
import { framesOf } from './frames.ts'

export interface SessionOptions {
  tty: boolean
  stdin: boolean
}

export interface CommandSession extends ExecSession {
  /** Of its process as the engine's machine knows it; 0 when it does not run. */
  pid(): Promise<number>
}

/** What an engine writes into the output of a command that it could not start. */
const failure = /^OCI runtime exec failed: /
/** A command that ended may be taken for running for a moment. */
const lookAgain = 20
const tries = 50

/** A command beside a container. Rejects when the container does not run. */
export async function commandSession(
  { engine, streams }: EngineConnection,
  clock: Clock,
  container: string,
  command: readonly string[],
  { tty, stdin }: SessionOptions,
): Promise<CommandSession> {
  const { id } = await engine
    .getContainer(container)
    .exec({ Cmd: [...command], AttachStdin: stdin, AttachStdout: true, AttachStderr: !tty, Tty: tty })
    .catch(inItsOwnWords)
  const exec = engine.getExec(id)
  const stream = await streams.getExec(id).start({ hijack: true, stdin, Tty: tty }).catch(inItsOwnWords)
  const { streams: ours, done } = join(stream, { tty, stdin }, (size) => exec.resize(size), clock)
  async function exitCode(): Promise<number> {
    const said = await done
    for (let left = tries; ; left--) {
      const { Running, ExitCode } = await exec.inspect()
      if (said !== undefined) throw new Error(said)
      if (!Running) return ExitCode ?? 0
      if (!left) throw new Error('the engine broke the connection off')
      await clock.sleep(lookAgain)
    }
  }
  const exit = exitCode()
  // Nobody has to ask.
  exit.catch(() => {})
  return {
    ...ours,
    exit,
    async pid() {
      const { Running, Pid } = await exec.inspect()
      return Running ? Pid : 0
    },
  }
}

/** The streams of a container itself. */
export async function attachedSession(
  connection: EngineConnection,
  clock: Clock,
  id: string,
  { tty, stdin }: SessionOptions,
): Promise<ExecSession> {
  const stream = await connection.attach(id, stdin)
  const container = connection.engine.getContainer(id)
  const { streams: ours, done } = join(stream, { tty, stdin }, (size) => container.resize(size), clock)
  return { ...ours, exit: done.then(() => 0) }
}

/** Resolves when all has been read; with why a command could not be started, where that was said in its place. */
function join(stream: Duplex, { tty, stdin }: SessionOptions, setSize: SetSize, clock: Clock) {
  const stdout = new PassThrough()
  const stderr = tty ? undefined : new PassThrough()
  async function copy(): Promise<string | undefined> {
    let begun = false
    for await (const [target, data] of tty ? raw(stream, stdout) : demultiplexed(stream, { stdout, stderr: stderr! })) {
      if (!begun && failure.test(data.toString('latin1'))) return data.toString().trim()
      begun = true
      if (!target.write(data) && !target.destroyed) await Promise.race([once(target, 'drain'), once(target, 'close')])
    }
    return undefined
  }
  const done = copy()
    // Broken off, by us or by the engine.
    .catch(() => undefined)
    .finally(() => {
      stdout.end()
      stderr?.end()
    })
  stream.on('error', () => {})
  let resizing = Promise.resolve()
  return {
    done,
    streams: {
      ...(stdin ? { stdin: inputOf(stream, () => resizing) } : {}),
      resize(w: number, h: number) {
        resizing = resizing.then(() => resize(setSize, { w, h }, clock))
      },
      stdout,
      ...(stderr ? { stderr } : {}),
      async [Symbol.asyncDispose]() {
        stream.destroy()
        // What nobody reads any more would be waited for.
        for (const output of [stdout, stderr]) if (!output?.writableEnded) output?.destroy()
      },
    },
  }
}

async function* raw(stream: Duplex, stdout: Writable): AsyncGenerator<[Writable, Buffer]> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield [stdout, chunk as Buffer]
}

async function* demultiplexed(
  stream: Duplex,
  targets: Record<'stdout' | 'stderr', Writable>,
): AsyncGenerator<[Writable, Buffer]> {
  for await (const { stream: name, payload } of framesOf(stream)) yield [targets[name], payload]
}

/** What is typed after a change of size comes after it. Its end is told to the engine, which goes on to send. */
const inputOf = (stream: Duplex, resized: () => Promise<void>): Writable =>
  new Writable({
    write: (chunk: Buffer, _encoding, done) => void resized().then(() => stream.write(chunk, () => done())),
    final: (done) => void stream.end(() => done()),
  })

type SetSize = (size: { w: number; h: number }) => Promise<unknown>

/** What is not running yet has no terminal. */
async function resize(call: SetSize, size: { w: number; h: number }, clock: Clock): Promise<void> {
  for (let left = tries; left; left--) {
    try {
      await call(size)
      return
    } catch {
      await clock.sleep(lookAgain)
    }
  }
}
