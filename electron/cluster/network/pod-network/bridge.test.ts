import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import type { PodNetwork } from '../api.ts'
import { createPodNetwork, pickFreePodRange } from './pod-network.ts'

let directory: string
let range: string
const made: PodNetwork[] = []

beforeEach(async () => {
  directory = mkdtempSync('/tmp/wh-net-')
  range = await pickFreePodRange({ prefix: 24 })
})
afterEach(async () => {
  for (const network of made.splice(0).reverse()) await network[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

async function make(changes: { clusterId?: string; podCidr?: string } = {}): Promise<PodNetwork> {
  const clusterId = changes.clusterId ?? directory
  const network = await createPodNetwork({
    clock: systemClock,
    logger: silentLogger,
    podCidr: range,
    directory: path.join(directory, clusterId.replaceAll('/', '_')),
    runDirectory: directory,
    driver: 'bridge',
    ...changes,
    clusterId,
  })
  made.push(network)
  return network
}

const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' })
const inside = (namespace: string, ...command: string[]) =>
  execFileSync('nsenter', [`--net=${namespace}`, '--', ...command], { encoding: 'utf8' })
const bridgeOf = ({ gateway }: PodNetwork) =>
  /^\d+: ([^ ]+)/m.exec(ip('-o', '-4', 'address', 'show', 'to', gateway))![1]!
const sandbox = (letter: string) => letter.repeat(32)

it('gives a pod an address, a loopback and a way out, and takes them back', async () => {
  const network = await make()
  const { ip: address, namespace } = await network.attach(sandbox('a'))
  expect(inside(namespace!, 'ip', '-4', '-br', 'address')).toMatch(
    new RegExp(`lo .*127\\.0\\.0\\.1/8[^]*eth0.* ${address.replaceAll('.', '\\.')}/32`),
  )
  expect(inside(namespace!, 'ip', 'route')).toContain(`default via ${network.gateway} dev eth0`)
  await network.detach(sandbox('a'))
  await network.detach(sandbox('a'))
  expect(ip('netns', 'list')).not.toContain(path.basename(namespace!))
})

it('connects pods with each other and the machine by the addresses that policies know, and by no others', async () => {
  const network = await make()
  const [a, b] = [await network.attach(sandbox('a')), await network.attach(sandbox('b'))]
  const listen = `require('net').createServer((socket) => socket.end()).listen(8000, '::', () => console.log('ready'))`
  const server = spawn('nsenter', [`--net=${b.namespace}`, '--', process.execPath, '-e', listen])
  try {
    await once(server.stdout, 'data')
    const reaches = (host: string) =>
      inside(
        a.namespace!,
        process.execPath,
        '-e',
        `const end = (word) => { console.log(word); process.exit() }
         require('net').connect(8000, '${host}').on('connect', () => end('yes')).on('error', () => end('no')).setTimeout(2000, () => end('no'))`,
      ).trim()
    expect(reaches(b.ip)).toBe('yes')
    expect([a, b].map((pod) => inside(pod.namespace!, 'ip', '-6', 'address', 'show', 'dev', 'eth0'))).toEqual(['', ''])
    expect(ip('-6', 'address', 'show', 'dev', bridgeOf(network))).toBe('')
  } finally {
    server.kill('SIGKILL')
  }
})

it('gives the same sandbox the same attachment again, also to the next agent', async () => {
  const first = await (await make()).attach(sandbox('b'))
  const next = await make()
  expect(await next.attach(sandbox('b'))).toEqual(first)
  expect((await next.attach(sandbox('c'))).ip).not.toBe(first.ip)
})

it('has the machine forget whose an address was that a pod is given', async () => {
  const network = await make()
  const { ip: earlier } = await network.attach(sandbox('d'))
  const next = earlier.replace(/\d+$/, (last) => String(Number(last) + 1))
  const gone = ['lladdr', '02:00:00:00:00:99', 'dev', bridgeOf(network)]
  ip('neigh', 'replace', next, ...gone, 'nud', 'reachable')
  expect((await network.attach(sandbox('e'))).ip).toBe(next)
  expect(ip('neigh', 'show', 'to', next, 'dev', bridgeOf(network))).toBe('')
})

it('joins the namespace that a process is in already', async () => {
  const network = await make()
  const holder = spawn('unshare', ['--net', 'sleep', '1000'])
  try {
    const isApart = () => readlinkSync(`/proc/${holder.pid}/ns/net`) !== readlinkSync('/proc/self/ns/net')
    while (!isApart()) await systemClock.sleep(20)
    const { ip: address } = await network.attach(sandbox('f'), undefined, { pid: holder.pid! })
    const namespace = `/proc/${holder.pid}/ns/net`
    expect(inside(namespace, 'ip', '-4', '-br', 'address')).toMatch(
      new RegExp(`eth0.* ${address.replaceAll('.', '\\.')}/32`),
    )
  } finally {
    holder.kill('SIGKILL')
  }
})

it('removes what a dead cluster of the same id left and nobody claims', async () => {
  const first = await make()
  const { namespace } = await first.attach(sandbox('d'))
  const next = await make()
  await next.retain([])
  expect(ip('netns', 'list')).not.toContain(path.basename(namespace!))
})

it('keeps clusters on one machine apart', async () => {
  const one = await make({ clusterId: 'one' })
  const other = await make({ clusterId: 'other', podCidr: await pickFreePodRange({ prefix: 24 }) })
  expect(other.podCidr).not.toBe(one.podCidr)
  const [a, b] = [await one.attach(sandbox('e')), await other.attach(sandbox('e'))]
  expect(a.ip).not.toBe(b.ip)
  await one[Symbol.asyncDispose]()
  expect(inside(b.namespace!, 'ip', 'route')).toContain(other.gateway)
})

it('refuses a range that the machine uses already, naming the interface', async () => {
  const one = await make({ clusterId: 'one' })
  await expect(make({ clusterId: 'other', podCidr: one.podCidr })).rejects.toThrow(/overlaps .* interface wh/)
})

it('leaves nothing on the host when it is disposed', async () => {
  const network = await make()
  await network.attach(sandbox('f'))
  await network[Symbol.asyncDispose]()
  // Other clusters may live on this machine: names carry a hash of the cluster's id.
  const hash = createHash('sha256').update(directory).digest('hex').slice(0, 8)
  expect(ip('-br', 'link')).not.toContain(hash.slice(0, 4))
  expect(ip('netns', 'list')).not.toContain(hash)
  expect(execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' })).not.toContain(hash)
})

it('reaches what pods listen on, and is told when nothing does', async () => {
  const network = await make()
  await network.attach(sandbox('9'))
  const server = createServer((socket) => socket.end('gateway')).listen(0, network.gateway)
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const stream = await network.dial(network.gateway, port)
  expect(String(await new Promise((resolve) => stream.once('data', resolve)))).toBe('gateway')
  stream.destroy()
  server.close()
  await expect(network.dial((await network.attach(sandbox('9'))).ip, 1)).rejects.toThrow(/ECONNREFUSED/)
})

it('is chosen for every node of a machine, also when all are made at once', async () => {
  const nodes = ['a', 'b', 'c', 'd'].map((name, i) =>
    createPodNetwork({
      clock: systemClock,
      logger: silentLogger,
      podCidr: range.replace(/\d+\/24$/, `${i * 64}/26`),
      directory: path.join(directory, name),
      runDirectory: directory,
      clusterId: `${directory}-${name}`,
    }),
  )
  made.push(...(await Promise.all(nodes)))
  expect(made.map(({ driver }) => driver)).toEqual(Array(4).fill('bridge'))
})

it('gives twenty pods their network at once', async () => {
  const network = await make()
  const ids = Array.from({ length: 20 }, (_, index) => index.toString(16).padStart(2, '0').repeat(16))
  const attached = await Promise.all(ids.map((id) => network.attach(id)))
  expect(new Set(attached.map((attachment) => attachment.ip)).size).toBe(20)
})
