import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { connect } from 'node:net'
import { decode, encode, streamDecode, streamEncode, type Packet } from 'dns-packet'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { systemRandom } from '../../base/random.ts'
import { ServiceTable } from '../service-table.ts'
import { endpoint, service, servicePort, slice } from '../testing.ts'
import { DnsServer, type DnsServerDeps } from './dns-server.ts'

let services: ServiceTable
let opened: AsyncDisposable[]
beforeEach(() => {
  services = new ServiceTable()
  opened = []
})
afterEach(async () => {
  for (const thing of opened.toReversed()) await thing[Symbol.asyncDispose]()
})

async function start(deps: Partial<DnsServerDeps> = {}): Promise<number> {
  const server = await DnsServer.create({
    clock: systemClock,
    random: systemRandom,
    services,
    domain: 'cluster.local',
    places: [{ host: '127.0.0.1', port: 0 }],
    isSynced: () => true,
    resolvers: () => [],
    ...deps,
  })
  opened.push(server)
  return server.addresses[0]!.port
}

function resolver(port: number): Resolver {
  const made = new Resolver({ timeout: 3000, tries: 1 })
  made.setServers([`127.0.0.1:${port}`])
  return made
}

/** A resolver of the machine that answers what the test says and keeps what it was asked. */
async function upstream(answer: (query: Packet) => Packet | undefined): Promise<{ address: string; asked: string[] }> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (packet, from) => {
    const query = decode(packet)
    asked.push(`${query.questions![0]!.type} ${query.questions![0]!.name}`)
    const reply = answer(query)
    if (reply)
      socket.send(
        encode({ id: query.id!, type: 'response', questions: query.questions, ...reply }),
        from.port,
        from.address,
      )
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  opened.push({ [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())) })
  return { address: `127.0.0.1:${socket.address().port}`, asked }
}

function askUdp(port: number, packet: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4')
  return new Promise((resolve) => {
    socket.once('message', (answer) => {
      socket.close()
      resolve(answer)
    })
    socket.send(packet, port, '127.0.0.1')
  })
}

const question = (name: string, type: 'A' | 'SRV' | 'AAAA' = 'A', more: Partial<Packet> = {}) =>
  encode({ type: 'query', id: 4711, flags: 0x100, questions: [{ name, type }], ...more })
const failure = (asking: Promise<unknown>) =>
  asking.then(
    () => 'answered',
    (error: NodeJS.ErrnoException) => error.code,
  )

it('answers ordinary resolvers', async () => {
  services.setService(service('web', { clusterIP: '10.96.0.7', ports: [servicePort(80, { name: 'http' })] }))
  const dns = resolver(await start())
  expect(await dns.resolve4('web.default.svc.cluster.local', { ttl: true })).toEqual([{ address: '10.96.0.7', ttl: 5 }])
  expect(await dns.resolveSrv('_http._tcp.web.default.svc.cluster.local')).toMatchObject([
    { priority: 0, weight: 100, port: 80, name: 'web.default.svc.cluster.local' },
  ])
  expect(await dns.reverse('10.96.0.7')).toEqual(['web.default.svc.cluster.local'])
  expect(await failure(dns.resolve6('web.default.svc.cluster.local'))).toBe('ENODATA')
  expect(await failure(dns.resolve4('absent.default.svc.cluster.local'))).toBe('ENOTFOUND')
})

it('tells how long an absence holds, repeats the name as it was asked, and speaks with authority', async () => {
  services.setService(service('web', { clusterIP: '10.96.0.7' }))
  const port = await start()
  const found = decode(await askUdp(port, question('WEB.Default.svc.cluster.LOCAL')))
  expect(found).toMatchObject({
    id: 4711,
    flag_aa: true,
    flag_ra: true,
    flag_rd: true,
    answers: [{ name: 'WEB.Default.svc.cluster.LOCAL', data: '10.96.0.7' }],
  })
  const absent = decode(await askUdp(port, question('absent.default.svc.cluster.local')))
  expect(absent).toMatchObject({
    rcode: 'NXDOMAIN',
    flag_aa: true,
    answers: [],
    authorities: [{ type: 'SOA', ttl: 5, data: { minimum: 5 } }],
  })
})

it('fails instead of denying a name while it does not know the services yet', async () => {
  let isSynced = false
  const port = await start({ isSynced: () => isSynced })
  expect(decode(await askUdp(port, question('web.default.svc.cluster.local')))).toMatchObject({ rcode: 'SERVFAIL' })
  isSynced = true
  expect(decode(await askUdp(port, question('web.default.svc.cluster.local')))).toMatchObject({ rcode: 'NXDOMAIN' })
})

it('cuts an answer that is too long for a datagram, and gives it whole over TCP', async () => {
  services.setService(service('many', { clusterIP: 'None' }))
  services.setSlice(
    slice(
      'many',
      Array.from({ length: 90 }, (_, i) => endpoint(`10.244.0.${i + 1}`)),
    ),
  )
  const port = await start()
  const name = 'many.default.svc.cluster.local'
  expect(decode(await askUdp(port, question(name)))).toMatchObject({ flag_tc: true, answers: [] })
  const roomy = question(name, 'A', {
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 4096,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  })
  expect(decode(await askUdp(port, roomy))).toMatchObject({
    flag_tc: true,
    additionals: [{ type: 'OPT', udpPayloadSize: 1232 }],
  })
  expect(await resolver(port).resolve4(name)).toHaveLength(90)
})

it('answers several queries on one connection, however their bytes arrive', async () => {
  services.setService(service('web', { clusterIP: '10.96.0.7' }))
  const socket = connect(await start(), '127.0.0.1')
  const ask = (id: number) =>
    streamEncode({ type: 'query', id, questions: [{ name: 'web.default.svc.cluster.local', type: 'A' }] })
  const both = Buffer.concat([ask(1), ask(2)])
  let received = Buffer.alloc(0)
  const done = new Promise<void>((resolve) => {
    socket.on('data', (data) => {
      received = Buffer.concat([received, data])
      if (received.length >= 2 * (received.readUInt16BE() + 2)) resolve()
    })
  })
  socket.write(both.subarray(0, 1))
  await new Promise((resolve) => setImmediate(resolve))
  socket.write(both.subarray(1))
  await done
  const first = received.readUInt16BE() + 2
  expect([streamDecode(received).id, streamDecode(received.subarray(first)).id]).toEqual([1, 2])
  socket.destroy()
})

it('passes other names on to the resolvers of the machine, with an id of its own', async () => {
  const other = await upstream((query) => ({
    flags: 0x180,
    answers: [{ type: 'A', name: query.questions![0]!.name, ttl: 60, data: '192.0.2.7' }],
  }))
  const port = await start({ resolvers: () => [other.address] })
  expect(decode(await askUdp(port, question('example.org')))).toMatchObject({
    id: 4711,
    answers: [{ data: '192.0.2.7', ttl: 60 }],
  })
  expect(other.asked).toEqual(['A example.org'])
})

it('asks the next resolver when one is silent, and fails when all are', async () => {
  const clock = new FakeClock()
  const silent = await upstream(() => undefined)
  const speaking = await upstream((query) => ({
    answers: [{ type: 'A', name: query.questions![0]!.name, ttl: 60, data: '192.0.2.7' }],
  }))
  let resolvers = [silent.address, speaking.address]
  const port = await start({ clock, resolvers: () => resolvers })
  const whenAsked = async (times: number) => {
    while (silent.asked.length < times) await new Promise((resolve) => setImmediate(resolve))
  }
  const answered = askUdp(port, question('example.org'))
  await whenAsked(1)
  await clock.advance(2100)
  expect(decode(await answered).answers).toHaveLength(1)

  resolvers = [silent.address]
  await clock.advance(10_000)
  const failed = askUdp(port, question('example.org'))
  await whenAsked(2)
  await clock.advance(2100)
  expect(decode(await failed)).toMatchObject({ rcode: 'SERVFAIL', id: 4711 })
})

it('fails at once where nothing leads to a resolver, as on a machine without a network, and goes on', async () => {
  // No datagram may be sent to a broadcast address: connecting fails as it does without a route.
  const port = await start({ resolvers: () => ['255.255.255.255'] })
  for (let i = 0; i < 2; i++)
    expect(decode(await askUdp(port, question('example.org')))).toMatchObject({ rcode: 'SERVFAIL' })
})

it('never forwards to itself', async () => {
  const own: string[] = []
  const port = await start({ resolvers: () => own })
  own.push(`127.0.0.1:${port}`)
  expect(decode(await askUdp(port, question('example.org')))).toMatchObject({ rcode: 'SERVFAIL' })
})

it('follows an external name within the cluster and outside', async () => {
  const other = await upstream((query) => ({
    answers: [{ type: 'A', name: query.questions![0]!.name, ttl: 60, data: '192.0.2.7' }],
  }))
  services.setService(service('web', { clusterIP: '10.96.0.7' }))
  for (const [name, externalName] of [
    ['inside', 'web.default.svc.cluster.local'],
    ['outside', 'example.org'],
    ['circle', 'circle.default.svc.cluster.local'],
  ] as const) {
    services.setService(service(name, { type: 'ExternalName', externalName, clusterIP: '', clusterIPs: [] }))
  }
  const dns = resolver(await start({ resolvers: () => [other.address] }))
  expect(await dns.resolve4('inside.default.svc.cluster.local')).toEqual(['10.96.0.7'])
  expect(await dns.resolve4('outside.default.svc.cluster.local')).toEqual(['192.0.2.7'])
  expect(await dns.resolveCname('outside.default.svc.cluster.local')).toEqual(['example.org'])
  expect(await failure(dns.resolve4('circle.default.svc.cluster.local'))).toBe('ESERVFAIL')
})

it('refuses what it cannot read, and keeps silent to answers', async () => {
  services.setService(service('web', { clusterIP: '10.96.0.7' }))
  const port = await start()
  const garbage = Buffer.concat([question('a.cluster.local').subarray(0, 14), Buffer.from([0xff, 0xff, 0xff])])
  expect(decode(await askUdp(port, garbage))).toMatchObject({ id: 4711, rcode: 'FORMERR' })
  const notify = question('web.default.svc.cluster.local')
  notify[2]! |= 4 << 3
  expect(decode(await askUdp(port, notify))).toMatchObject({ rcode: 'NOTIMP' })
  const https = question('web.default.svc.cluster.local')
  https.writeUInt16BE(65, https.length - 4)
  expect(decode(await askUdp(port, https))).toMatchObject({ rcode: 'NOERROR', answers: [] })
  const answer = question('web.default.svc.cluster.local')
  answer[2]! |= 0x80
  const socket = createSocket('udp4')
  const heard: number[] = []
  socket.on('message', (packet) => heard.push(packet.readUInt16BE()))
  const send = (packet: Buffer) => new Promise((resolve) => socket.send(packet, port, '127.0.0.1', resolve))
  await send(answer)
  await send(encode({ type: 'query', id: 2, questions: [{ name: 'web.default.svc.cluster.local', type: 'A' }] }))
  while (!heard.length) await new Promise((resolve) => setImmediate(resolve))
  expect(heard).toEqual([2])
  socket.close()
})
