import { readFileSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import type { Container } from './container.ts'
import { frame, writeFrame, writeJson, type Program, type StreamMessage } from './protocol.ts'
import { run, signalProcess, type Running } from './run.ts'

/** Handles the frames that come after a connection's opening. */
export type FrameHandler = (type: number, payload: Buffer) => void

/** Runs a program for one connection; a connection that closes early takes the program with it. */
export function execSession(
  connection: Socket,
  program: Program,
  cgroups: readonly string[],
  clock: Clock,
): FrameHandler {
  let running: Running | undefined
  let over = false
  let size: [number, number] | undefined
  const early: Buffer[] = []
  let earlyEnd = false

  const start = async () => {
    try {
      running = await run(program, clock)
    } catch (error) {
      writeJson(connection, { error: (error as Error).message })
      connection.end()
      return
    }
    if (over) signalProcess(running.pid, 'SIGKILL', true)
    joinCgroups(running.pid, cgroups)
    if (size) running.resize(...size)
    for (const chunk of early) running.stdin?.write(chunk)
    if (earlyEnd) running.stdin?.end()
    forward(running.stdout, frame.stdout)
    if (running.stderr) forward(running.stderr, frame.stderr)
    const exit = await running.exit
    await running.drained
    over = true
    writeJson(connection, { exitCode: exit.code })
    connection.end()
  }

  const forward = (stream: Readable, type: number) => {
    stream.on('data', (chunk: Buffer) => {
      if (connection.destroyed || writeFrame(connection, type, chunk)) return
      stream.pause()
      connection.once('drain', () => stream.resume())
    })
    stream.on('error', () => {})
  }

  connection.on('close', () => {
    if (over) return
    over = true
    if (running) signalProcess(running.pid, 'SIGKILL', true)
  })
  void start()

  return (type, payload) => {
    if (type === frame.stdin) {
      const chunk = Buffer.from(payload)
      if (!running) early.push(chunk)
      else if (running.stdin?.writable && !running.stdin.write(chunk)) {
        connection.pause()
        running.stdin.once('drain', () => connection.resume())
        running.stdin.once('close', () => connection.resume())
      }
    } else if (type === frame.stdinEnd) {
      if (running) running.stdin?.end()
      else earlyEnd = true
    } else if (type === frame.json) {
      const message = JSON.parse(payload.toString()) as StreamMessage
      if (!('resize' in message)) return
      size = message.resize
      running?.resize(...size)
    }
  }
}

export function attachSession(connection: Socket, container: Container | undefined, stdin: boolean): FrameHandler {
  if (!container) {
    writeJson(connection, { error: 'the container does not run' })
    connection.end()
    return () => {}
  }
  container.attach(connection, stdin)
  return (type, payload) => {
    if (type === frame.stdin && stdin) container.write(payload)
    else if (type === frame.stdinEnd && stdin) container.endInput()
    else if (type === frame.json) {
      const message = JSON.parse(payload.toString()) as StreamMessage
      if ('resize' in message) container.resize(...message.resize)
    }
  }
}

/** A forked child follows by itself only when the fork comes later, so those already there are moved too. */
function joinCgroups(pid: number, cgroups: readonly string[]): void {
  for (const file of cgroups) {
    try {
      writeFileSync(file, String(pid))
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
      for (const child of children) writeFileSync(file, child)
    } catch {
      // It ended by itself, or the container did.
    }
  }
}
