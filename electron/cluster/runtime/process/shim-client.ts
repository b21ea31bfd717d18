import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { withoutOtherFiles } from '../../base/inherited-descriptors.ts'
import type { ExecSession } from '../api.ts'
import {
  frame,
  readFrames,
  writeFrame,
  writeJson,
  type ContainerRun,
  type Opening,
  type Report,
  type Request,
  type ShimConfig,
  type StreamMessage,
} from './shim/protocol.ts'
import { readRecord, writeRecord } from './shim/records.ts'

/** Starts a shim that outlives this process; resolves with its pid once its socket answers. */
export async function spawnShim(options: {
  nodeBinary: string
  shimEntry: string
  config: ShimConfig
  /** Where compiled code is kept between starts. */
  compileCache: string
  /** Becomes the shim in other namespaces, which its containers then have too. */
  launcher?: readonly string[]
}): Promise<number> {
  const { config } = options
  mkdirSync(config.directory, { recursive: true, mode: 0o700 })
  const configFile = path.join(config.directory, 'shim.json')
  writeRecord(configFile, config, false)
  const errors = openSync(path.join(config.directory, 'shim.log'), 'a', 0o600)
  // One worker thread and small heaps: there is one of these for every pod.
  const flags = ['--max-semi-space-size=1', '--max-old-space-size=64', '--v8-pool-size=1', '--no-warnings']
  const [program, ...args] = [...(options.launcher ?? []), options.nodeBinary, ...flags, options.shimEntry, configFile]
  using files = withoutOtherFiles(['ignore', 'pipe', errors])
  const child = spawn(program!, args, {
    cwd: config.directory,
    env: {
      PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      UV_THREADPOOL_SIZE: '1',
      NODE_COMPILE_CACHE: options.compileCache,
      ...windowsEnvironment(),
    },
    detached: true,
    windowsHide: true,
    stdio: files.stdio,
  })
  closeSync(errors)
  const ready = child.stdout!
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new Error(`the pod's shim ended while starting (code ${code}); see ${config.directory}/shim.log`)),
    )
    ready.once('data', () => resolve())
  })
  child.removeAllListeners('exit')
  ready.destroy()
  child.unref()
  return child.pid!
}

/** Ends the shim whose directory this is, if it lives. */
export async function endShim(directory: string): Promise<void> {
  const config = readRecord<ShimConfig>(path.join(directory, 'shim.json'))
  if (!config) return
  try {
    await using shim = await ShimClient.connect(
      config.socket,
      () => {},
      () => {},
    )
    await shim.call({ op: 'shutdown' })
  } catch {
    // It has ended.
  }
}

/** Windows programs do not start without these. */
function windowsEnvironment(): Record<string, string> {
  const names = ['SystemRoot', 'TEMP', 'TMP', 'USERPROFILE']
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
}

/** The control connection to one shim. */
export class ShimClient implements AsyncDisposable {
  readonly #path: string
  readonly #control: Socket
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #number = 0

  private constructor(path: string, control: Socket) {
    this.#path = path
    this.#control = control
  }

  /** `onGone`: the shim has ended. Rejects when nothing answers on the socket. */
  static async connect(path: string, onChanged: (run: ContainerRun) => void, onGone: () => void): Promise<ShimClient> {
    const control = await open(path, { op: 'control' })
    const client = new ShimClient(path, control)
    readFrames(control, (_type, payload) => {
      const report = JSON.parse(payload.toString()) as Report
      if ('changed' in report) return onChanged(report.changed)
      const waiting = client.#waiting.get(report.reply)
      client.#waiting.delete(report.reply)
      if (report.error === undefined) waiting?.resolve(report.result)
      else waiting?.reject(new Error(report.error))
    })
    control.on('error', () => {})
    control.on('close', () => {
      for (const { reject } of client.#waiting.values()) reject(new Error("the pod's shim has ended"))
      client.#waiting.clear()
      onGone()
    })
    return client
  }

  call<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#control.destroyed) return reject(new Error("the pod's shim has ended"))
      const number = ++this.#number
      this.#waiting.set(number, { resolve: resolve as (result: unknown) => void, reject })
      writeJson(this.#control, { number, request })
    })
  }

  async stream(opening: Opening, options: { tty: boolean; stdin: boolean }): Promise<ExecSession> {
    return session(await open(this.#path, opening), options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#control.destroyed) return
    const closed = new Promise<void>((resolve) => this.#control.once('close', () => resolve()))
    this.#control.destroy()
    await closed
  }
}

function open(path: string, opening: Opening): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      writeJson(socket, opening)
      resolve(socket)
    })
  })
}

function session(socket: Socket, { tty, stdin }: { tty: boolean; stdin: boolean }): ExecSession {
  const stdout = new PassThrough()
  const stderr = tty ? undefined : new PassThrough()
  const exit = new Promise<number>((resolve, reject) => {
    readFrames(socket, (type, payload) => {
      if (type === frame.json) {
        const message = JSON.parse(payload.toString()) as StreamMessage
        if ('exitCode' in message) resolve(message.exitCode)
        else if ('error' in message) reject(new Error(message.error))
        return
      }
      const stream = type === frame.stdout ? stdout : stderr
      if (!stream || stream.write(payload)) return
      socket.pause()
      stream.once('drain', () => socket.resume())
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      stdout.end()
      stderr?.end()
      reject(new Error("the pod's shim closed the session"))
    })
  })
  // Whoever only reads the streams must not be told twice.
  exit.catch(() => {})
  const input = stdin
    ? new Writable({
        write(chunk: Buffer, _encoding, done) {
          if (socket.destroyed || writeFrame(socket, frame.stdin, chunk)) return done()
          const proceed = () => {
            socket.off('drain', proceed)
            socket.off('close', proceed)
            done()
          }
          socket.once('drain', proceed)
          socket.once('close', proceed)
        },
        final(done) {
          if (!socket.destroyed) writeFrame(socket, frame.stdinEnd, Buffer.alloc(0))
          done()
        },
      })
    : undefined
  return {
    ...(input ? { stdin: input } : {}),
    stdout,
    ...(stderr ? { stderr } : {}),
    resize: (columns, rows) => void (socket.destroyed || writeJson(socket, { resize: [columns, rows] })),
    exit,
    async [Symbol.asyncDispose]() {
      if (socket.destroyed) return
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.destroy()
      await closed
    },
  }
}
