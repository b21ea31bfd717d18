import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { removeGroup } from '../../cgroups/remove-group.ts'
import { Container } from './container.ts'
import { relay } from './dial.ts'
import { holdLifeline } from './lifeline.ts'
import {
  frame,
  readFrames,
  writeJson,
  type ContainerRun,
  type Numbered,
  type Opening,
  type Report,
  type Request,
  type ShimConfig,
} from './protocol.ts'
import { writeRecord } from './records.ts'
import { attachSession, execSession, type FrameHandler } from './session.ts'

/** What pods get between SIGTERM and SIGKILL when the cluster stops: it promises to be gone after two seconds. */
const farewellMs = 300

function main(config: ShimConfig): void {
  const containers = new Map<string, Container>()
  const held: ChildProcess[] = []
  const controls = new Set<Socket>()

  const report = (connection: Socket, message: Report) => writeJson(connection, message)

  const onChange = (record: ContainerRun) => {
    try {
      writeRecord(path.join(config.directory, `${record.id}.run.json`), record, true)
    } catch (error) {
      // A full disk keeps no record, and must not keep the pod from its end either.
      complain(error as Error)
    }
    for (const control of controls) report(control, { changed: record })
  }

  const release = () => Promise.all(held.map(endOf))

  const end = (code: number): never => {
    if (process.platform !== 'win32') rmSync(config.socket, { force: true })
    process.exit(code)
  }

  const reap = async (graceMs: number) => {
    await Promise.all([...containers.values()].map((container) => container.stop(graceMs)))
    await release()
    for (const [file, ...args] of config.reap) {
      try {
        execFileSync(file!, args, { stdio: 'ignore' })
      } catch {
        // Already gone, or the next start of the cluster removes it.
      }
    }
    // The pod's group goes after its containers', and the cluster's with its last pod's.
    for (const group of [...containers.values()].flatMap(({ cgroups }) => cgroups))
      await removeGroup(group, systemClock)
    for (const group of config.groups) if (await removeGroup(group, systemClock)) removeEmpty(path.dirname(group))
    end(0)
  }

  const handle = async (request: Request): Promise<unknown> => {
    switch (request.op) {
      case 'start': {
        const { start } = request
        if (containers.get(start.id)) throw new Error('the container has been started before')
        const container = new Container(start, {
          clock: systemClock,
          prefix: path.join(config.directory, start.id),
          onChange,
        })
        containers.set(start.id, container)
        await container.start()
        return container.record
      }
      case 'stop': {
        const container = containers.get(request.id)
        await container?.stop(request.graceMs)
        return container?.record
      }
      case 'forget':
        await containers.get(request.id)?.stop(0)
        containers.delete(request.id)
        return undefined
      case 'hold': {
        const [file, ...args] = request.argv
        const child = spawn(file!, args, { stdio: 'ignore', detached: true, env: { PATH: process.env['PATH'] } })
        await once(child, 'spawn')
        held.push(child)
        return child.pid
      }
      case 'status':
        return [...containers.values()].map((container) => container.record)
      case 'shutdown':
        await Promise.all([...containers.values()].map((container) => container.stop(0)))
        await release()
        return undefined
    }
  }

  const control = (connection: Socket): FrameHandler => {
    controls.add(connection)
    connection.on('close', () => controls.delete(connection))
    return (type, payload) => {
      if (type !== frame.json) return
      const { number, request } = JSON.parse(payload.toString()) as Numbered
      handle(request).then(
        (result) => {
          report(connection, { reply: number, result })
          if (request.op === 'shutdown') connection.end(() => end(0))
        },
        (error: Error) => report(connection, { reply: number, error: error.message }),
      )
    }
  }

  const open = (connection: Socket, opening: Opening): FrameHandler => {
    switch (opening.op) {
      case 'control':
        return control(connection)
      case 'exec':
        return execSession(connection, opening.program, opening.cgroups, systemClock)
      case 'attach':
        return attachSession(connection, containers.get(opening.id), opening.stdin)
    }
  }

  const server = createServer((connection) => {
    let handler: FrameHandler | undefined
    connection.on('error', () => {})
    readFrames(connection, (type, payload) => {
      if (handler) handler(type, payload)
      else handler = open(connection, JSON.parse(payload.toString()) as Opening)
    })
  })
  server.on('error', (error) => {
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  })
  server.listen(config.socket, () => {
    if (process.platform !== 'win32') chmodSync(config.socket, 0o600)
    // The driver may have died in between.
    process.stdout.on('error', () => {})
    process.stdout.write('ready\n')
    if (config.lifeline)
      holdLifeline(config.lifeline, systemClock, (announced) => void reap(announced ? farewellMs : 0))
  })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void reap(farewellMs))
  process.on('uncaughtException', (error) => {
    complain(error)
    void reap(0)
  })
}

/** In the shim's log, as far as the disk takes it. */
function complain(error: Error): void {
  try {
    writeSync(2, `${error.stack ?? error.message}\n`)
  } catch {
    // Nobody can be told.
  }
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // Others are in it, or it is gone already.
  }
}

const [argument, port] = process.argv.slice(2)
if (argument === '--dial') relay(Number(port))
else main(JSON.parse(readFileSync(argument!, 'utf8')) as ShimConfig)
