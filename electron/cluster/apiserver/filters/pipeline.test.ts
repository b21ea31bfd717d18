import { expect, it } from 'vitest'
import { statusFailure } from '#shared/kube/status.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { textAnswer } from '../handlers/answer.ts'
import type { Answering } from '../handlers/api-request.ts'
import type { Exchange } from '../transport/exchange.ts'
import { FlowControl } from '../flow-control/flow-control.ts'
import { RequestMetrics } from './metrics.ts'
import { pipeline } from './pipeline.ts'

function exchange(target: string, headers: Record<string, string> = {}) {
  const answered: { status: number; headers: readonly string[]; text: string }[] = []
  const made = {
    method: 'GET',
    target,
    closed: false,
    common: [],
    peer: { address: '127.0.0.1' },
    header: (name: string) => headers[name],
    headers: () => [],
    headerNames: () => Object.keys(headers),
    send: (status: number, list: readonly string[], body: Buffer) =>
      void answered.push({ status, headers: list, text: body.toString() }),
    onClose: () => {},
  } as unknown as Exchange
  return { made, answered }
}

function serving(answer: () => Answering, allowed = true) {
  const clock = new FakeClock()
  const metrics = new RequestMetrics()
  const serve = pipeline({
    clock,
    metrics,
    flowControl: new FlowControl({ clock }),
    logger: silentLogger,
    authenticate: () => ({ name: 'jane', groups: [] }),
    authorizer: { authorize: () => ({ allowed, reason: '' }) },
    serveResource: answer,
    servePath: answer,
  })
  return { serve, clock, metrics }
}

it('turns what a handler throws into an answer, and a surprise into a 500', () => {
  for (const [failure, status] of [
    [statusFailure(409, 'Conflict', 'no'), 409],
    [new TypeError('a bug'), 500],
  ] as const) {
    const { made, answered } = exchange('/api/v1/pods')
    serving(() => {
      throw failure
    }).serve(made)
    expect(answered[0]!.status).toBe(status)
    expect(JSON.parse(answered[0]!.text)).toMatchObject({ kind: 'Status', status: 'Failure', code: status })
  }
})

it('does not reach the handler of somebody who may not', () => {
  const { made, answered } = exchange('/api/v1/pods')
  let reached = false
  serving(() => ((reached = true), undefined), false).serve(made)
  expect(answered[0]!.status).toBe(403)
  expect(reached).toBe(false)
})

it('gives up on an answer after a minute, but not on a stream', async () => {
  const never = () => new Promise<undefined>(() => {})
  const slow = exchange('/api/v1/pods')
  const stream = exchange('/api/v1/pods?watch=true')
  const { serve, clock } = serving(never)
  serve(slow.made)
  serve(stream.made)
  await clock.advance(61_000)
  expect(slow.answered).toMatchObject([{ status: 504 }])
  expect(stream.answered).toEqual([])
})

it('counts what it serves', () => {
  const { serve, metrics } = serving(() => textAnswer(200, 'ok'))
  serve(exchange('/api/v1/namespaces/a/pods/p').made)
  serve(exchange('/api/v1/namespaces/a/pods/p').made)
  expect(metrics.text([])).toContain(
    'apiserver_request_total{verb="GET",group="",version="v1",resource="pods",subresource="",code="200"} 2',
  )
  const gauges = [
    ['seats{level="a"}', 'Seats.', 1],
    ['seats{level="b"}', 'Seats.', 2],
  ] as const
  expect(metrics.text(gauges)).toContain(
    '# HELP seats Seats.\n# TYPE seats gauge\nseats{level="a"} 1\nseats{level="b"} 2\n',
  )
})
