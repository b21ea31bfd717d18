import { createSocket } from 'node:dgram'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { dialTcp } from '../pod-network/dial.ts'
import { ServiceTable } from '../service-table.ts'
import { endpoint, leaving, service, servicePort, slice } from '../testing.ts'
import type { ServicePortReport } from './ports.ts'
import { ServiceProxy } from './service-proxy.ts'

/** Pods are servers on free ports of this machine; `dial` maps their addresses there, as the mapped network does. */
let pods: Map<string, number>
let opened: (Server | AsyncDisposable)[]
let services: ServiceTable
let reports: Map<string, readonly ServicePortReport[]>
let clock: FakeClock

beforeEach(() => {
  pods = new Map()
  opened = []
  services = new ServiceTable()
  reports = new Map()
  clock = new FakeClock()
})
afterEach(async () => {
  for (const thing of opened.toReversed()) await (thing as AsyncDisposable)[Symbol.asyncDispose]()
})

async function listening(server: Server, host = '127.0.0.1', port = 0): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  opened.push(server)
  return (server.address() as AddressInfo).port
}

/** A pod whose server is given each connection. */
async function pod(ip: string, serve: (socket: Socket) => unknown = (socket) => socket.end(ip)): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    serve(socket)
  })
  pods.set(ip, await listening(server))
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function start(driver: 'bridge' | 'mapped' = 'bridge'): Promise<ServiceProxy> {
  const proxy = await ServiceProxy.create({
    clock,
    logger: silentLogger,
    services,
    nodes: [
      { name: 'here', podCidr: '10.244.0.0/25', address: '127.0.0.78' },
      { name: 'next', podCidr: '10.244.0.128/25', address: '127.0.0.79' },
    ],
    clusterId: 'test',
    redirectClusterIps: false,
    network: {
      driver,
      podCidr: '10.244.0.0/24',
      gateway: '127.0.0.1',
      dial: (ip, _, signal) => dialTcp('127.0.0.1', pods.get(ip) ?? 1, signal),
    },
    onPorts: ({ name }, ports) => reports.set(name, ports),
  })
  opened.push(proxy)
  proxy.setRanges(['10.96.0.0/16', '10.200.0.0/24'])
  await proxy.settled()
  return proxy
}

const open = (port: number, host = '127.0.0.1'): Socket => connect({ host, port, allowHalfOpen: true })
const ask = (port: number, host?: string) => text(open(port, host).on('error', () => {}))
const asks = async (port: number, times: number) => {
  const answers: string[] = []
  for (let i = 0; i < times; i++) answers.push(await ask(port))
  return answers
}
const balanced = (port: number, more = {}) => service('web', { type: 'LoadBalancer', ports: [servicePort(port, more)] })

it('spreads connections to a load balancer on localhost over all ready endpoints, in both address families', async () => {
  const port = await freePort()
  for (const ip of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) await pod(ip)
  services.setService(balanced(port))
  services.setSlice(
    slice('web', [
      endpoint('10.0.0.1'),
      endpoint('10.0.0.2'),
      endpoint('10.0.0.3'),
      endpoint('10.0.0.4', { conditions: { ready: false } }),
    ]),
  )
  await start()
  expect(new Set(await asks(port, 9))).toEqual(new Set(['10.0.0.1', '10.0.0.2', '10.0.0.3']))
  expect(await ask(port, '::1')).toMatch(/^10\.0\.0\.\d$/)
  expect(reports.get('web')).toEqual([
    {
      kind: 'LoadBalancer',
      protocol: 'TCP',
      port,
      wanted: port,
      bound: port,
      address: '127.0.0.1',
      problem: undefined,
    },
  ])
})

it('serves a node port, moves with it, and frees it with its service', async () => {
  const [first, second] = [await freePort(), await freePort()]
  await pod('10.0.0.1')
  services.setSlice(slice('web', [endpoint('10.0.0.1')]))
  const proxy = await start()
  for (const [now, then] of [
    [first, second],
    [second, first],
  ] as const) {
    services.setService(service('web', { type: 'NodePort', ports: [servicePort(80, { nodePort: now })] }))
    await proxy.settled()
    expect([await ask(now), await ask(then).catch((error: NodeJS.ErrnoException) => error.code)]).toEqual([
      '10.0.0.1',
      'ECONNREFUSED',
    ])
  }
  services.deleteService('default/web')
  await proxy.settled()
  await expect(ask(first)).rejects.toThrow('ECONNREFUSED')
})

it('stops sending to an endpoint the moment it leaves, and lets its connections finish', async () => {
  const port = await freePort()
  const sockets: Socket[] = []
  await pod('10.0.0.1', (socket) => sockets.push(socket))
  await pod('10.0.0.2')
  services.setService(balanced(port))
  services.setSlice(slice('web', [endpoint('10.0.0.1')]))
  await start()
  const client = open(port)
  const answer = text(client)
  await vi.waitFor(() => expect(sockets).toHaveLength(1))
  services.setSlice(slice('web', [leaving('10.0.0.1', true), endpoint('10.0.0.2')]))
  // Without waiting for anything.
  expect(await asks(port, 4)).toEqual(Array(4).fill('10.0.0.2'))
  sockets[0]!.end('late answer')
  client.end()
  expect(await answer).toBe('late answer')
})

it('sends to endpoints that terminate but still serve while there is no other', async () => {
  const port = await freePort()
  await pod('10.0.0.1')
  services.setService(balanced(port))
  services.setSlice(slice('web', [leaving('10.0.0.1', true), leaving('10.0.0.2', false)]))
  await start()
  expect(await asks(port, 3)).toEqual(Array(3).fill('10.0.0.1'))
})

it('tries another endpoint when one cannot be reached, and gives up when none can', async () => {
  const port = await freePort()
  await pod('10.0.0.2')
  services.setService(balanced(port))
  services.setSlice(slice('web', [endpoint('10.0.0.1'), endpoint('10.0.0.2')]))
  await start()
  expect(await asks(port, 4)).toEqual(Array(4).fill('10.0.0.2'))
  services.setSlice(slice('web', [endpoint('10.0.0.1')]))
  await expect(ask(port)).rejects.toThrow('ECONNRESET')
})

it('never sends a request twice: what an endpoint took and then dropped is dropped', async () => {
  const port = await freePort()
  const taken: string[] = []
  for (const ip of ['10.0.0.1', '10.0.0.2']) {
    await pod(ip, (socket) => {
      socket.once('data', (data) => {
        taken.push(`${ip} ${data.toString()}`)
        socket.resetAndDestroy()
      })
    })
  }
  services.setService(balanced(port))
  services.setSlice(slice('web', [endpoint('10.0.0.1'), endpoint('10.0.0.2')]))
  await start()
  const client = open(port)
  client.write('pay')
  await expect(text(client)).rejects.toThrow('ECONNRESET')
  expect(taken).toHaveLength(1)
})

it('passes on the end of each direction, so that an answer may follow the end of the request', async () => {
  const port = await freePort()
  const size = 3_000_000
  await pod('10.0.0.1', async (socket) => {
    const request = await text(socket)
    socket.end('y'.repeat(size) + request.length)
  })
  services.setService(balanced(port))
  services.setSlice(slice('web', [endpoint('10.0.0.1')]))
  await start()
  const client = open(port)
  client.end('x'.repeat(size))
  expect(await text(client)).toBe('y'.repeat(size) + size)
})

it('lets the client go on sending after the end of the answer', async () => {
  const port = await freePort()
  let received: Promise<string> | undefined
  await pod('10.0.0.1', (socket) => {
    received = text(socket)
    socket.end('done')
  })
  services.setService(balanced(port))
  services.setSlice(slice('web', [endpoint('10.0.0.1')]))
  await start()
  const client = open(port)
  expect(await text(client)).toBe('done')
  client.end('and more')
  expect(await received).toBe('and more')
})

it('keeps a client at one endpoint where affinity is asked for', async () => {
  const port = await freePort()
  for (const ip of ['10.0.0.1', '10.0.0.2']) await pod(ip)
  services.setService(service('web', { type: 'LoadBalancer', sessionAffinity: 'ClientIP', ports: [servicePort(port)] }))
  services.setSlice(slice('web', [endpoint('10.0.0.1'), endpoint('10.0.0.2')]))
  await start()
  expect(new Set(await asks(port, 6)).size).toBe(1)
})

it('passes datagrams of a client to one endpoint and its answers back, and forgets the client when it is silent', async () => {
  const port = await freePort()
  const clients = new Set<number>()
  const server = createSocket('udp4')
  server.on('message', (message, from) => {
    clients.add(from.port)
    server.send(`${message.toString()}!`, from.port, from.address)
  })
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve))
  services.setService(balanced(port, { protocol: 'UDP' }))
  services.setSlice(slice('web', [endpoint('127.0.0.1')], [{ port: server.address().port, protocol: 'UDP' }]))
  await start()

  const client = createSocket('udp4')
  const say = (word: string) =>
    new Promise<string>((resolve) => {
      client.once('message', (answer) => resolve(answer.toString()))
      client.send(word, port, '127.0.0.1')
    })
  expect([await say('one'), await say('two'), clients.size]).toEqual(['one!', 'two!', 1])
  await clock.advance(61_000)
  expect([await say('three'), clients.size]).toEqual(['three!', 2])
  client.close()
  server.close()
})

describe('a port that may not be bound', () => {
  it('is reported with the port chosen instead, and taken when it becomes free', async () => {
    const port = await freePort()
    const other = createServer()
    await listening(other, '127.0.0.1', port)
    await pod('10.0.0.1')
    services.setService(balanced(port))
    services.setSlice(slice('web', [endpoint('10.0.0.1')]))
    const proxy = await start()
    const [report] = reports.get('web')!
    expect(report).toMatchObject({
      kind: 'LoadBalancer',
      wanted: port,
      problem: {
        reason: 'PortInUse',
        message: `Port ${port} of this machine is in use by another program: port ${report!.bound} is served instead.`,
      },
    })
    expect(report!.bound).not.toBe(port)
    expect(await ask(report!.bound!)).toBe('10.0.0.1')

    await new Promise((resolve) => other.close(resolve))
    await clock.advance(31_000)
    await proxy.settled()
    expect(reports.get('web')![0]).toMatchObject({ bound: port, problem: undefined })
    expect(await ask(port)).toBe('10.0.0.1')
    await expect(ask(report!.bound!)).rejects.toThrow('ECONNREFUSED')
  })

  it('counts as taken when only its IPv6 side is: localhost would lead to the other program', async () => {
    const port = await freePort()
    await listening(createServer(), '::1', port)
    services.setService(balanced(port))
    await start()
    expect(reports.get('web')![0]).toMatchObject({ wanted: port, problem: { reason: 'PortInUse' } })
  })

  it('is not replaced when it is a node port', async () => {
    const port = await freePort()
    await listening(createServer(), '127.0.0.1', port)
    services.setService(service('web', { type: 'NodePort', ports: [servicePort(80, { nodePort: port })] }))
    await start()
    expect(reports.get('web')![0]).toMatchObject({
      kind: 'NodePort',
      wanted: port,
      bound: undefined,
      problem: { reason: 'PortInUse' },
    })
  })
})

it('tells at the health check port of a service whether it has endpoints: on localhost of this machine, at the address of a node of that one', async () => {
  const port = await freePort()
  const ask = (host: string) => fetch(`http://${host}:${port}/healthz`)
  const told = async (host: string) => {
    const answer = await ask(host)
    return [answer.status, answer.headers.get('x-load-balancing-endpoint-weight')]
  }
  const more = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: port }
  services.setService(service('web', { ...more, ports: [servicePort(await freePort())] }))
  const far = endpoint('10.0.0.4', { nodeName: 'far' })
  services.setSlice(
    slice('web', [endpoint('10.0.0.1'), endpoint('10.0.0.2'), endpoint('10.0.0.3', { nodeName: 'next' }), far]),
  )
  const proxy = await start()
  expect(await Promise.all(['127.0.0.1', '127.0.0.78', '127.0.0.79'].map(told))).toEqual([
    [200, '3'],
    [200, '2'],
    [200, '1'],
  ])
  expect(await (await ask('127.0.0.1')).text()).toBe(
    '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 3,\n\t"serviceProxyHealthy": true\n}',
  )
  services.setSlice(slice('web', [leaving('10.0.0.1', true), endpoint('10.0.0.3', { nodeName: 'next' }), far]))
  await proxy.settled()
  expect(await Promise.all(['127.0.0.1', '127.0.0.78', '127.0.0.79'].map(told))).toEqual([
    [200, '1'],
    [503, '0'],
    [200, '1'],
  ])
  services.deleteService('default/web')
  await proxy.settled()
  await expect(ask('127.0.0.79')).rejects.toThrow('fetch failed')
})

it('ends every connection and frees every port when it is disposed', async () => {
  const port = await freePort()
  await pod('10.0.0.1', (socket) => socket.resume().on('end', () => socket.end()))
  services.setService(balanced(port))
  services.setSlice(slice('web', [endpoint('10.0.0.1')]))
  const proxy = await start()
  const client = open(port)
  const ended = text(client)
  await new Promise((resolve) => client.once('connect', resolve))
  await Promise.all([expect(ended).rejects.toThrow('ECONNRESET'), proxy[Symbol.asyncDispose]()])
  await expect(ask(port)).rejects.toThrow('ECONNREFUSED')
})

it('knows for a mapped network where cluster IPs are served, and that nobody answers on the others', async () => {
  await pod('10.0.0.1')
  services.setService(service('web', { clusterIP: '10.96.0.5', ports: [servicePort(80)] }))
  services.setService(service('nobody', { clusterIP: '10.96.0.6', ports: [servicePort(80)] }))
  services.setSlice(slice('web', [endpoint('10.0.0.1')]))
  const proxy = await start('mapped')
  const place = proxy.locate('10.96.0.5', 80)
  expect(place !== 'refused' && place && (await ask(place.port, place.host))).toBe('10.0.0.1')
  for (const [ip, port] of [
    ['10.96.0.5', 81],
    ['10.96.0.6', 80],
    ['10.96.0.7', 80],
  ] as const)
    expect(proxy.locate(ip, port)).toBe('refused')
  expect(proxy.locate('10.200.0.9', 80)).toBe('refused')
  expect(proxy.locate('192.0.2.1', 80)).toBeUndefined()
  services.deleteService('default/web')
  await proxy.settled()
  expect(proxy.locate('10.96.0.5', 80)).toBe('refused')
})

it('keeps to the endpoints for its zone as soon as it knows the zone, and as long as there are some', async () => {
  const port = await freePort()
  for (const ip of ['10.0.0.1', '10.0.0.2']) await pod(ip)
  const hinted = (ip: string, zone: string) => endpoint(ip, { hints: { forZones: [{ name: zone }] } })
  services.setService(balanced(port))
  services.setSlice(slice('web', [hinted('10.0.0.1', 'a'), hinted('10.0.0.2', 'b')]))
  const proxy = await start()
  expect(new Set(await asks(port, 4))).toEqual(new Set(['10.0.0.1', '10.0.0.2']))
  proxy.setZone('here', 'b')
  expect(await asks(port, 4)).toEqual(Array(4).fill('10.0.0.2'))
  services.setSlice(slice('web', [hinted('10.0.0.1', 'a')]))
  expect(await ask(port)).toBe('10.0.0.1')
})
