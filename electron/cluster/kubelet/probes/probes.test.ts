import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock, settle } from '../../base/fake-clock.ts'
import { seededRandom } from '../../base/random.ts'
import { systemClock } from '../../base/clock.ts'
import type { Probe } from '../types.ts'
import { probeGrpc } from './grpc.ts'
import { probeHttp } from './http.ts'
import { failure, success, type ProbeOutcome } from './outcome.ts'
import { ProbeWorker } from './probe-worker.ts'
import { probeTcp } from './tcp.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => server.close())
  return (server.address() as net.AddressInfo).port
}

async function dial(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1' })
  await once(socket, 'connect')
  return socket
}

describe('an HTTP probe', () => {
  const target = (port: number, path = '/', headers: { name: string; value: string }[] = []) => ({
    scheme: 'http' as const,
    host: '10.244.0.5',
    port,
    path,
    headers,
    dial,
  })

  async function serve(handler: http.RequestListener): Promise<number> {
    return listen(http.createServer(handler))
  }

  it('succeeds from 200 to 399 and names the status otherwise', async () => {
    const port = await serve((request, response) => response.writeHead(Number(request.url?.slice(1))).end('body'))
    expect(await probeHttp(target(port, '/204'), 1000, systemClock)).toMatchObject({ result: 'success' })
    expect(await probeHttp(target(port, '/503'), 1000, systemClock)).toEqual(
      failure('HTTP probe failed with statuscode: 503'),
    )
  })

  it('asks as the kubelet does, with the headers of the probe instead of its own', async () => {
    const port = await serve((request, response) => response.end(JSON.stringify(request.headers)))
    const asked = async (headers: { name: string; value: string }[]) =>
      JSON.parse((await probeHttp(target(port, '/', headers), 1000, systemClock)).output) as Record<string, string>
    expect(await asked([])).toMatchObject({
      'user-agent': 'kube-probe/1.36',
      accept: '*/*',
      host: `10.244.0.5:${port}`,
    })
    expect(
      await asked([
        { name: 'host', value: 'shop.example.com' },
        { name: 'User-Agent', value: 'me' },
      ]),
    ).toMatchObject({ 'user-agent': 'me', host: 'shop.example.com' })
  })

  it('follows redirects within the pod and stops at those that leave it', async () => {
    const port = await serve((request, response) => {
      const to: Record<string, string> = { '/local': '/ok', '/away': 'http://example.com/', '/loop': '/loop' }
      const location = to[request.url ?? '']
      if (location) response.writeHead(302, { location }).end('moved')
      else response.end('ok')
    })
    expect(await probeHttp(target(port, '/local'), 1000, systemClock)).toEqual(success('ok'))
    expect(await probeHttp(target(port, '/away'), 1000, systemClock)).toEqual({
      result: 'warning',
      output: 'Probe terminated redirects, Response body: moved',
    })
    expect((await probeHttp(target(port, '/loop'), 1000, systemClock)).output).toContain('stopped after 10 redirects')
  })

  it('fails after its timeout and on a refused connection, worded as Go does', async () => {
    const clock = new FakeClock()
    const port = await serve(() => {})
    const slow = probeHttp(target(port), 1000, clock)
    await clock.advance(1000)
    expect((await slow).output).toBe(
      `Get "http://10.244.0.5:${port}/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    )
    const refused = {
      ...target(81),
      dial: async () => Promise.reject(Object.assign(new Error(''), { code: 'ECONNREFUSED' })),
    }
    expect(await probeHttp(refused, 1000, clock)).toEqual(
      failure('Get "http://10.244.0.5:81/": dial tcp 10.244.0.5:81: connect: connection refused'),
    )
  })
})

it('a TCP probe succeeds where the port takes a connection', async () => {
  const port = await listen(net.createServer((socket) => socket.end()))
  expect(await probeTcp({ host: 'h', port, dial }, 1000, systemClock)).toEqual(success())
  const clock = new FakeClock()
  const hanging = probeTcp({ host: 'h', port: 9, dial: () => new Promise(() => {}) }, 1000, clock)
  await clock.advance(1000)
  expect(await hanging).toEqual(failure('dial tcp h:9: i/o timeout'))
})

describe('a gRPC probe', () => {
  async function serve(status: number, grpcStatus = '0'): Promise<number> {
    const server = http2.createServer()
    server.on('stream', (stream, headers) => {
      const asked: Buffer[] = []
      stream.on('data', (piece: Buffer) => asked.push(piece))
      stream.on('end', () => {
        expect(headers[':path']).toBe('/grpc.health.v1.Health/Check')
        expect(Buffer.concat(asked).toString('latin1')).toContain('db')
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': grpcStatus, 'grpc-message': 'no' }))
        stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]))
      })
    })
    return listen(server as unknown as net.Server)
  }
  const probe = (port: number) => probeGrpc({ host: 'h', port, service: 'db', dial }, 1000, systemClock)

  it('succeeds when the service says that it serves', async () => {
    expect(await probe(await serve(1))).toEqual(success('service healthy'))
    expect(await probe(await serve(2))).toEqual(failure('service unhealthy (responded with "NOT_SERVING")'))
    expect((await probe(await serve(1, '12'))).output).toContain('does not implement the grpc health protocol')
  })
})

describe('a probe worker', () => {
  function worker(
    probe: Probe,
    outcomes: ProbeOutcome[],
    kind: 'liveness' | 'readiness' | 'startup' = 'readiness',
    adopted = false,
  ) {
    const clock = new FakeClock()
    const seen = { runs: [] as number[], verdicts: [] as boolean[], started: true }
    const started = clock.now()
    const made = new ProbeWorker({
      clock,
      random: seededRandom(1),
      kind,
      probe,
      startedAt: adopted ? started - 1000 : started,
      agentStartedAt: started,
      isStarted: () => seen.started,
      run: async () => {
        seen.runs.push(clock.now() - started)
        return outcomes.shift() ?? success()
      },
      report: () => {},
      verdict: (healthy) => seen.verdicts.push(healthy),
    })
    closers.push(() => made.stop())
    return { clock, seen, made }
  }

  it('waits for its initial delay, then asks once per period', async () => {
    const { clock, seen } = worker({ initialDelaySeconds: 5, periodSeconds: 2 }, [])
    await clock.advance(10_000)
    expect(seen.runs).toEqual([5000, 7000, 9000])
  })

  it('gives its verdict after as many answers in a row as the threshold says', async () => {
    const bad = failure('no')
    const { clock, seen } = worker({ periodSeconds: 1, failureThreshold: 2, successThreshold: 2 }, [
      bad,
      success(),
      bad,
      bad,
      success(),
      success(),
    ])
    await clock.advance(6000)
    expect(seen.verdicts).toEqual([false, true])
  })

  it('does not count a probe that could not be made', async () => {
    const unknown: ProbeOutcome = { result: 'unknown', output: '' }
    const { clock, seen } = worker({ periodSeconds: 1, failureThreshold: 1 }, [unknown, unknown])
    await clock.advance(2000)
    expect(seen.verdicts).toEqual([])
  })

  it('of liveness ends at its first failure, of startup at its first success', async () => {
    const liveness = worker({ periodSeconds: 1, failureThreshold: 1 }, [success(), failure('')], 'liveness')
    const startup = worker({ periodSeconds: 1 }, [failure(''), success()], 'startup')
    await liveness.clock.advance(9000)
    await startup.clock.advance(9000)
    expect(liveness.seen.runs).toEqual([500, 1500])
    expect(startup.seen.runs).toEqual([500, 1500])
  })

  it('rests until the container has started', async () => {
    const { clock, seen } = worker({ periodSeconds: 1 }, [])
    seen.started = false
    await clock.advance(3000)
    const before = seen.runs.length
    seen.started = true
    await clock.advance(1000)
    expect(seen.runs.length).toBe(before + 1)
  })

  it('of an adopted container begins at a random time within the period', async () => {
    const { clock, seen } = worker({ periodSeconds: 10 }, [], 'readiness', true)
    await settle()
    expect(seen.runs).toEqual([])
    await clock.advance(10_000)
    expect(seen.runs).toHaveLength(1)
    expect(seen.runs[0]).toBeGreaterThan(0)
  })
})
