import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import net from 'node:net'
import tls from 'node:tls'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RawConnection, targetOf, type Target } from '../bench/raw-client.ts'
import { residentMiB } from '../bench/figures.ts'
import { up, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/wait.ts'

const collection = '/api/v1/namespaces/default/configmaps'
let cluster: TestCluster
let target: Target

beforeAll(async () => {
  cluster = await up(['--bare'])
  target = targetOf(cluster.kubeconfig)
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const connect = (): tls.TLSSocket => {
  const { host, port, ca, cert, key } = target
  const socket = tls.connect({ host, port, ca, cert: cert!, key: key!, ALPNProtocols: ['http/1.1'] })
  socket.on('error', () => {})
  return socket
}

/** Sends bytes on a connection of its own and answers all that comes until the server closes it. */
const send = (bytes: string | Buffer): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect()
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')))
    socket.on('close', () => resolve(answer))
    socket.on('secureConnect', () => socket.write(bytes))
  })

const request = (method: string, path: string, body: string | Buffer, contentType = 'application/json', headers = '') =>
  send(
    Buffer.concat([
      Buffer.from(
        `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: ${contentType}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n`,
      ),
      Buffer.from(body),
    ]),
  )

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])

async function isWell(): Promise<void> {
  using connection = await RawConnection.open(target)
  expect((await connection.request('GET', '/api/v1/namespaces/default')).status).toBe(200)
}

/** So much memory more than before is a few bodies, and no multiple of what was sent. */
async function withinMemory(mebibytes: number, act: () => Promise<unknown>): Promise<void> {
  const before = residentMiB(cluster.pid)
  await act()
  expect(residentMiB(cluster.pid) - before).toBeLessThan(mebibytes)
}

const nested = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth)
const configMap = (fields: string) => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},${fields}}`
const yamlLines = (...lines: string[]) => ['apiVersion: v1', 'kind: ConfigMap', ...lines].join('\n')
const bomb = 'bcdefghij'.split('').map((name, i, all) => `${name}: &${name} [${`*${all[i - 1] ?? 'a'},`.repeat(9)}]`)

describe('bodies that are made to hurt', () => {
  it.each<[string, string, string, string, number]>([
    ['lists in lists', 'POST', 'application/json', configMap(`"data":${nested('[', ']', 1_000_000)}`), 400],
    ['objects that never end', 'POST', 'application/json', '{"a":'.repeat(400_000), 400],
    ['a merge patch without a floor', 'PATCH', 'application/merge-patch+json', nested('{"a":', '}', 400_000), 400],
    ['an apply without a floor', 'PATCH', 'application/apply-patch+yaml', nested('{"a":', '}', 400_000), 400],
    ['50,000 operations', 'PATCH', 'application/json-patch+json', `[${'{},'.repeat(50_000)}{}]`, 413],
    ['aliases of aliases', 'POST', 'application/yaml', yamlLines('a: &a [x]', ...bomb), 400],
    [
      'a thousand aliases of a large text',
      'POST',
      'application/yaml',
      yamlLines(`a: &a ${'x'.repeat(1_000_000)}`, `b: [${'*a,'.repeat(900)}]`),
      400,
    ],
    ['a YAML list without a floor', 'POST', 'application/yaml', yamlLines(`a: ${nested('[', ']', 20_000)}`), 400],
    ['a patch that is no list', 'PATCH', 'application/json-patch+json', '"x"', 400],
  ])('%s are refused', async (_what, method, contentType, body, expected) => {
    const path = method === 'POST' ? collection : `/api/v1/namespaces/default?fieldManager=hostile`
    const answer = await request(method, path, body, contentType)
    expect([statusOf(answer), answer]).toEqual([expected, expect.stringContaining('"status":"Failure"')])
    await isWell()
  })

  it('a large document in YAML is read while others are answered', async () => {
    const body = yamlLines(
      'metadata: {name: large}',
      'data:',
      ...Array.from({ length: 20_000 }, (_, i) => `  key${i}: v`),
    )
    let isRead = false
    const reading = request('POST', collection, body, 'application/yaml').then((answer) => ((isRead = true), answer))
    let answered = 0
    while (!isRead) {
      await isWell()
      if (!isRead) answered++
    }
    expect(statusOf(await reading)).toBe(201)
    expect(answered).toBeGreaterThan(1)
  })

  it('a patch that copies the object into itself until memory ends is refused', async () => {
    const copies = Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '/metadata', path: `/metadata/m${i}` }))
    await withinMemory(100, async () => {
      const answer = await request(
        'PATCH',
        '/api/v1/namespaces/default',
        JSON.stringify(copies),
        'application/json-patch+json',
      )
      expect(statusOf(answer)).toBe(422)
    })
  })

  it('JSON without a floor inside a protobuf body is refused', async () => {
    const varint = (n: number): number[] => (n > 127 ? [(n & 127) | 128, ...varint(n >>> 7)] : [n])
    const field = (n: number, ...content: (Buffer | string)[]) => {
      const bytes = Buffer.concat(content.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
      return Buffer.concat([Buffer.from([...varint((n << 3) | 2), ...varint(bytes.length)]), bytes])
    }
    const type = field(1, field(1, 'apps/v1'), field(2, 'ControllerRevision'))
    const revision = field(2, field(1, field(1, 'deep')), field(2, field(1, nested('[', ']', 400_000))))
    const answer = await request(
      'POST',
      '/apis/apps/v1/namespaces/default/controllerrevisions',
      Buffer.concat([Buffer.from('k8s\0'), type, revision]),
      'application/vnd.kubernetes.protobuf',
    )
    expect([statusOf(answer), answer]).toEqual([400, expect.stringContaining('exceeded max depth')])
  })

  it('100 MB are refused before they are read, announced or not, and also when they come compressed', async () => {
    await withinMemory(100, async () => {
      const announced = `POST ${collection} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`
      expect(statusOf(await send(`${announced}content-length: 100000000\r\n\r\n`))).toBe(413)
      const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1 << 20, 'a'), Buffer.from('\r\n')])
      const chunked = Buffer.from(`${announced}transfer-encoding: chunked\r\n\r\n`)
      expect(statusOf(await send(Buffer.concat([chunked, ...Array.from({ length: 100 }, () => chunk)])))).toBe(413)
      const zipped = gzipSync(Buffer.alloc(100_000_000, 'a'))
      expect(
        statusOf(await request('POST', collection, zipped, 'application/json', 'content-encoding: gzip\r\n')),
      ).toBe(413)
    })
  })

  it('an object cannot be made larger by patches than a request can be', async () => {
    using connection = await RawConnection.open(target)
    const group = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
    const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'growing.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Cluster',
        names: { plural: 'growing', kind: 'Growing' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    }
    expect((await connection.request('POST', group, { body: JSON.stringify(definition) })).status).toBe(201)
    const items = '/apis/example.com/v1/growing'
    const object = { apiVersion: 'example.com/v1', kind: 'Growing', metadata: { name: 'g' } }
    await eventually('the kind', async () => (await connection.request('GET', items)).status === 200)
    expect((await connection.request('POST', items, { body: JSON.stringify(object) })).status).toBe(201)
    const grow = async (field: string) => {
      const body = JSON.stringify({ [field]: 'x'.repeat(2_000_000) })
      const contentType = 'application/merge-patch+json'
      return (await connection.request('PATCH', `${items}/g`, { body, contentType })).status
    }
    expect([await grow('one'), await grow('two')]).toEqual([200, 413])
  })
})

describe('requests that are none', () => {
  it.each<[string, string, number]>([
    [
      'a length and chunks',
      `POST ${collection} HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /version HTTP/1.1\r\nhost: x\r\n\r\n`,
      400,
    ],
    [
      'two lengths',
      `POST ${collection} HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!`,
      400,
    ],
    ['a negative length', `POST ${collection} HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n`, 400],
    [
      'a chunk without a size',
      `POST ${collection} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n`,
      400,
    ],
    ['a folded header', 'GET /version HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n', 400],
    ['lines that end in no return', 'GET /version HTTP/1.1\nhost: x\n\n', 400],
    ['no host', 'GET /version HTTP/1.1\r\n\r\n', 400],
    ['bytes of something else', '\x16\x03\x01 hello world\r\n\r\n', 400],
    ['a header of 4 MB', `GET /version HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(4 << 20)}\r\n\r\n`, 431],
    ['600,000 headers', `GET /version HTTP/1.1\r\nhost: x\r\n${'x: a\r\n'.repeat(600_000)}\r\n`, 431],
  ])('%s: the connection is told and closed', async (_what, bytes, expected) => {
    const answer = await send(bytes)
    expect([statusOf(answer), answer.split('HTTP/1.1').length]).toEqual([expected, 2])
    await isWell()
  })

  it('thousands of query parameters are read as what they are', async () => {
    const many = Array.from({ length: 8000 }, (_, i) => `a${i}=1`).join('&')
    expect(statusOf(await send(`GET ${collection}?${many} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`))).toBe(200)
    const selector = encodeURIComponent(`${'a in (b),'.repeat(3000)}a`)
    const answer = await send(
      `GET ${collection}?labelSelector=${selector} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    )
    expect(statusOf(answer)).toBe(200)
  })

  it('requests that are sent ahead are answered in order', async () => {
    const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"ahead"}}'
    const answer = await send(
      `POST ${collection} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}` +
        `GET ${collection}/ahead HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(50) +
        'GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    )
    expect([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
      '201',
      ...Array.from({ length: 50 }, () => '200'),
      '404',
    ])
  })

  it('20,000 streams that are reset at once cost others nothing', async () => {
    const { host, port, ca, cert, key } = target
    const session = http2.connect(`https://${host}:${port}`, { ca, cert: cert!, key: key! })
    session.on('error', () => {})
    await new Promise((resolve) => session.once('connect', resolve))
    for (let i = 0; i < 20_000 && !session.destroyed; i++) {
      const stream = session.request({ ':path': collection })
      stream.on('error', () => {})
      stream.close(http2.constants.NGHTTP2_CANCEL)
      if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await isWell()
    expect(residentMiB(cluster.pid)).toBeLessThan(700)
    session.destroy()
  })
})

describe('clients that do not read', () => {
  const large = 60
  beforeAll(async () => {
    using connection = await RawConnection.open(target)
    for (let i = 0; i < large; i++) {
      const object = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `large-${i}` },
        data: { text: 'x'.repeat(900_000) },
      }
      const { status } = await connection.request('POST', collection, { body: JSON.stringify(object) })
      if (status !== 201) throw new Error(`a large config map was answered with ${status}`)
    }
  })

  it('get whole lists when they do, also those that were asked for ahead', async () => {
    const list = (more = '') => `GET ${collection}?limit=9 HTTP/1.1\r\nhost: x\r\n${more}\r\n`
    const answer = await send(list() + list('connection: close\r\n'))
    const [, first, second] = answer.split('HTTP/1.1 200 OK').map((part) => part.match(/"name":"large-\d+"/g))
    expect(first!.length).toBeGreaterThan(3)
    expect(second).toEqual(first)
  })

  it.each([
    ['lists', `GET ${collection} HTTP/1.1\r\nhost: x\r\n\r\n`, 10],
    ['watches of a large state', `GET ${collection}?watch=true&resourceVersion=0 HTTP/1.1\r\nhost: x\r\n\r\n`, 10],
    ['objects, sent ahead', `GET ${collection}/large-1 HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(200), 10],
  ])('hold little of the memory that their %s would take, and nobody up', async (_what, bytes, clients) => {
    await withinMemory(300, async () => {
      const sockets = Array.from({ length: clients }, () => {
        const socket = connect()
        socket.pause()
        socket.on('secureConnect', () => socket.write(bytes))
        return socket
      })
      await eventually('answers on their way', () => sockets.every(({ readableLength }) => readableLength > 0), 30_000)
      await isWell()
      await isWell()
      for (const socket of sockets) socket.destroy()
    })
  })
})

describe('crowds', () => {
  it('connections that never say anything, or half of a handshake, keep nobody out', async () => {
    const silent = Array.from({ length: 2000 }, (_, i) => {
      const socket = net.connect(target.port, target.host)
      socket.on('error', () => {})
      // The beginning of a TLS record that goes on.
      if (i % 2) socket.write(Buffer.from('1603010200010001fc0303', 'hex'))
      return socket
    })
    await eventually('all of them connected', () => silent.every(({ connecting }) => !connecting))
    await isWell()
    for (const socket of silent) socket.destroy()
  })

  it('10,000 idle watches cost little, and every one of them hears', async () => {
    const { host, port, ca, cert, key } = target
    const path = '/api/v1/namespaces/default/secrets?watch=true&resourceVersion=0'
    let heard = 0
    const sessions: http2.ClientHttp2Session[] = []
    await withinMemory(300, async () => {
      for (let i = 0; i < 50; i++) {
        const session = http2.connect(`https://${host}:${port}`, { ca, cert: cert!, key: key! })
        sessions.push(session)
        const watches = Array.from(
          { length: 200 },
          () =>
            new Promise((resolve, reject) => {
              const stream = session.request({ ':path': path })
              stream.once('response', resolve)
              stream.on('data', (chunk: Buffer) => (heard += chunk.toString().split('\n').length - 1))
              stream.once('error', reject)
            }),
        )
        await Promise.all(watches)
      }
      heard = 0
      const secret = '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"news"}}'
      using connection = await RawConnection.open(target)
      expect((await connection.request('POST', '/api/v1/namespaces/default/secrets', { body: secret })).status).toBe(
        201,
      )
      await eventually('10,000 events', () => heard === 10_000)
      await isWell()
    })
    for (const session of sessions) session.destroy()
  })
})

it('has thrown no error of its own at all of that', () => {
  const log = readFileSync(`${cluster.data}/logs/cluster.log`, 'utf8')
  expect(log.split('\n').filter((line) => line.includes('"level":"error"'))).toEqual([])
  expect(cluster.process.output().stderr).toBe('')
})
