import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import type { PodNetwork } from '../api.ts'
import { createPodNetwork } from './pod-network.ts'

const preload = pathToFileURL(
  path.resolve(import.meta.dirname, '../../../../resources/images/preload/network.mjs'),
).href
let directory: string
let network: PodNetwork
const children: ChildProcess[] = []

const make = () =>
  createPodNetwork({
    clock: systemClock,
    logger: silentLogger,
    podCidr: '10.250.0.0/24',
    clusterId: directory,
    directory,
    runDirectory: directory,
    driver: 'mapped',
  })

beforeEach(async () => {
  directory = mkdtempSync('/tmp/wh-map-')
  network = await make()
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await network[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

/** A pod's program that answers with `answer` on port 8000. */
async function serve(
  sandbox: string,
  answer: string,
  host = '0.0.0.0',
): Promise<{ child: ChildProcess; said: string }> {
  const { reportSocket } = await network.attach(sandbox)
  const script = `const server = require('node:net').createServer((s) => s.end('${answer}')); server.listen(8000, '${host}', () => console.log(server.address().port))`
  const child = spawn(process.execPath, [`--import=${preload}`, '-e', script], {
    env: { WHEELHOUSE_NETWORK: `${sandbox}@${reportSocket}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const said = String(await new Promise((resolve) => child.stdout!.once('data', resolve)))
  return { child, said: said.trim() }
}

/** What a program of the pod prints that connects to `host:port`. */
async function connecting(sandbox: string, host: string, port: number): Promise<string> {
  const { reportSocket } = await network.attach(sandbox)
  const script = `const socket = require('node:net').connect(${port}, '${host}')
    socket.on('error', (error) => console.log(error.message)).on('data', (data) => console.log(String(data)))`
  const child = spawn(process.execPath, [`--import=${preload}`, '-e', script], {
    env: { WHEELHOUSE_NETWORK: `${sandbox}@${reportSocket}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return (await text(child.stdout!)).trim()
}

async function answerOf(sandbox: string): Promise<string> {
  const { ip } = await network.attach(sandbox)
  for (;;) {
    const stream = await network.dial(ip, 8000).catch(() => undefined)
    if (stream) return text(stream)
    await systemClock.sleep(20)
  }
}

it('tells two pods on the same port apart, and tells them that they have it', async () => {
  const [a] = await Promise.all([serve('a', 'from a'), serve('b', 'from b')])
  expect(a.said).toBe('8000')
  expect(await answerOf('a')).toBe('from a')
  expect(await answerOf('b')).toBe('from b')
})

it('refuses a port that nobody listens on', async () => {
  await serve('a', 'x')
  await answerOf('a')
  await expect(network.dial((await network.attach('a')).ip, 9000)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

it('forgets the ports of a program that has ended', async () => {
  const { child } = await serve('a', 'x')
  await answerOf('a')
  child.kill('SIGKILL')
  const { ip } = await network.attach('a')
  let last: unknown
  while (!(last instanceof Error && last.message.includes(ip))) {
    last = await network.dial(ip, 8000).catch((error: NodeJS.ErrnoException) => error)
    // Until its end is known, the port is dialed and nobody answers there.
    if (!(last instanceof Error)) (last as Duplex).on('error', () => {}).destroy()
    await systemClock.sleep(20)
  }
  expect(last).toMatchObject({ code: 'ECONNREFUSED' })
})

it('leads a pod to its own port by its loopback, and to the port of another by its address', async () => {
  await Promise.all([serve('a', 'from a'), serve('b', 'from b')])
  await Promise.all([answerOf('a'), answerOf('b')])
  const { ip } = await network.attach('b')
  for (const host of ['127.0.0.1', 'localhost', '::1']) expect(await connecting('a', host, 8000)).toBe('from a')
  expect(await connecting('a', ip, 8000)).toBe('from b')
})

it('refuses a pod what nobody of the cluster listens on, whatever the machine has there', async () => {
  const other = createServer((socket) => socket.end('not for pods')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const { ip } = await network.attach('a')
  expect(await connecting('a', '127.0.0.1', port)).toBe(`connect ECONNREFUSED 127.0.0.1:${port}`)
  expect(await connecting('a', ip, port)).toBe(`connect ECONNREFUSED ${ip}:${port}`)
  expect(await connecting('a', network.nodeAddress, port)).toBe('not for pods')
  other.close()
})

it('keeps what listens on a loopback for the pod itself, and for port-forward', async () => {
  await serve('a', 'own', '127.0.0.1')
  const { ip } = await network.attach('a')
  expect(await connecting('a', '127.0.0.1', 8000)).toBe('own')
  expect(await connecting('b', ip, 8000)).toMatch(/ECONNREFUSED/)
  await expect(network.dial(ip, 8000)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  expect(network.loopback?.('a', 8000)).toMatchObject({ host: '127.0.0.1' })
})

it('takes nonsense from a program without harm to others', async () => {
  const { reportSocket } = await network.attach('a')
  const socket = connect(reportSocket!)
  socket.on('error', () => {})
  socket.end('nonsense\n')
  await once(socket, 'close')
  await serve('a', 'still there')
  expect(await answerOf('a')).toBe('still there')
})

it('hears again of the ports of pods that an earlier agent started', async () => {
  await serve('a', 'still here')
  await answerOf('a')
  await network[Symbol.asyncDispose]()
  network = await make()
  expect(await answerOf('a')).toBe('still here')
})
