import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FakeClock } from '../../base/fake-clock.ts'
import type { PortMapping } from '../api.ts'
import { dialTcp } from '../pod-network/dial.ts'
import type { NewEntrance } from '../entrances/entrance-table.ts'
import { retryMs } from '../listeners/port-problem.ts'
import { HostPorts } from './host-ports.ts'

/** Stands for a node's address among its pods. */
const nodeAddress = '127.0.0.77'
/** Pods are servers on free ports of this machine. */
let servers: Server[]
let clock: FakeClock
let led: readonly NewEntrance[]
let told: string[]
let allowed: boolean
let ports: HostPorts

beforeEach(() => {
  servers = []
  clock = new FakeClock()
  led = []
  told = []
  allowed = true
  ports = new HostPorts({
    clock,
    allows: () => allowed,
    dial: (_, port, signal) => dialTcp('127.0.0.1', port, signal),
    lead: (entrances) => Promise.resolve(void (led = entrances)),
    onProblem: ({ name }, { reason, message }) => told.push(`${name}: ${reason}: ${message}`),
  })
})
afterEach(async () => {
  await ports[Symbol.asyncDispose]()
  for (const server of servers) server.close()
})

async function listening(server: Server, port = 0): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const pod = (name: string): Promise<number> =>
  listening(createServer((socket) => socket.on('error', () => {}).end(name)))

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

const open = (name: string, ...portMappings: PortMapping[]) => openAt(nodeAddress, name, ...portMappings)
const openAt = (address: string, name: string, ...portMappings: PortMapping[]) =>
  ports.open(name, {
    ip: '127.0.0.1',
    nodeAddress: address,
    reference: { namespace: 'default', name, uid: `${name}-uid` },
    portMappings,
  })
const ask = (host: string, port: number) => text(connect({ host, port })).catch((error: Error) => error.message)
const places = () => led.map(({ protocol, places: [at], endpoints }) => [protocol, at, ...endpoints.flat()])

it('leads from localhost and from the address of the node to the pod, until the pod is gone', async () => {
  const [hostPort, containerPort] = [await freePort(), await pod('web')]
  await open('web', { protocol: 'TCP', containerPort, hostPort }, { protocol: 'TCP', containerPort: 9 })
  expect(await Promise.all(['127.0.0.1', nodeAddress].map((host) => ask(host, hostPort)))).toEqual(['web', 'web'])
  expect(places()).toEqual([['TCP', { ip: nodeAddress, port: hostPort }, { ip: '127.0.0.1', port: containerPort }]])
  await ports.close('web')
  expect(await ask('127.0.0.1', hostPort)).toMatch(/ECONNREFUSED/)
  expect([led, told]).toEqual([[], []])
})

it('tells pods with the same port apart by the address and the protocol they ask for', async () => {
  const hostPort = await freePort()
  await open('one', { protocol: 'TCP', containerPort: await pod('one'), hostPort, hostIp: '127.0.0.1' })
  await open('two', { protocol: 'TCP', containerPort: await pod('two'), hostPort, hostIp: nodeAddress })
  const server = createSocket('udp4', (message, from) => server.send(message, from.port, from.address))
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  await open('three', { protocol: 'UDP', containerPort: server.address().port, hostPort, hostIp: nodeAddress })
  expect(await ask('127.0.0.1', hostPort)).toBe('one')
  expect(await ask(nodeAddress, hostPort)).toBe('two')
  const client = createSocket('udp4')
  client.send('hello', hostPort, nodeAddress)
  expect(String((await once(client, 'message'))[0])).toBe('hello')
  expect(places().map(([protocol]) => protocol)).toEqual(['TCP', 'UDP'])
  expect(told).toEqual([])
  client.close()
  server.close()
})

it('leaves the port of another program alone, tells of it once, and takes it when it is free', async () => {
  const [holder, containerPort] = [createServer(), await pod('web')]
  const hostPort = await listening(holder)
  await open('web', { protocol: 'TCP', containerPort, hostPort })
  await open('other', { protocol: 'TCP', containerPort, hostPort: await freePort() })
  expect(told).toEqual([
    `web: PortInUse: Port ${hostPort} of this machine is in use by another program: it is not served here.`,
  ])
  expect(await ask(nodeAddress, hostPort)).toBe('web')
  await new Promise((resolve) => holder.close(resolve))
  await clock.advance(retryMs)
  await vi.waitFor(async () => expect(await ask('127.0.0.1', hostPort)).toBe('web'))
})

it('gives a port to the next pod when the one that has it goes', async () => {
  const hostPort = await freePort()
  await open('one', { protocol: 'TCP', containerPort: await pod('one'), hostPort })
  await open('two', { protocol: 'TCP', containerPort: await pod('two'), hostPort })
  expect(told).toEqual([expect.stringMatching(/^two: PortInUse/)])
  expect(await ask('127.0.0.1', hostPort)).toBe('one')
  await ports.close('one')
  expect(await ask('127.0.0.1', hostPort)).toBe('two')
})

it('leads from the address of each node to its own pod, from localhost to the first, and on when that has gone', async () => {
  const hostPort = await freePort()
  const other = '127.0.0.79'
  await openAt(nodeAddress, 'one', { protocol: 'TCP', containerPort: await pod('one'), hostPort })
  await openAt(other, 'two', { protocol: 'TCP', containerPort: await pod('two'), hostPort })
  const asked = () => Promise.all(['127.0.0.1', nodeAddress, other].map((host) => ask(host, hostPort)))
  expect([await asked(), told]).toEqual([['one', 'one', 'two'], []])
  await ports.close('one')
  expect(await ask('127.0.0.1', hostPort)).toBe('two')
})

it('lets nobody in whom policies keep out', async () => {
  const hostPort = await freePort()
  await open('web', { protocol: 'TCP', containerPort: await pod('web'), hostPort })
  allowed = false
  expect(await ask('127.0.0.1', hostPort)).toMatch(/ECONNRESET/)
})
