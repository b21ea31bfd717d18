import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readable } from '../audit/bodies.ts'
import type { Exchange } from '../transport/exchange.ts'
import { requestBody } from './request-body.ts'
import { YamlThread } from './yaml-thread.ts'

const thread = new YamlThread(path.join(import.meta.dirname, 'yaml-worker.ts'))
afterAll(() => thread[Symbol.dispose]())

const document = (lines: number) =>
  Buffer.from(`long: 9007199254740993\ndata:\n${Array.from({ length: lines }, (_, i) => `  k${i}: yes\n`).join('')}`)

it('reads documents in a thread, one after the other, as they are read without', async () => {
  const [first, second] = await Promise.all([thread.convert(document(2)), thread.convert(document(1))])
  expect([first!.toString(), second!.toString()]).toEqual([
    '{"long":9007199254740993,"data":{"k0":true,"k1":true}}',
    '{"long":9007199254740993,"data":{"k0":true}}',
  ])
})

it('refuses what is no YAML, and reads the next one', async () => {
  const wrong = thread.convert(Buffer.from('a: [1'))
  const right = thread.convert(document(0))
  await expect(wrong).rejects.toMatchObject({
    status: { code: 400, message: expect.stringContaining('error converting YAML to JSON: yaml: ') as string },
  })
  expect((await right).toString()).toContain('"data":null')
})

it.each([
  ['a large document in YAML', 'application/yaml', document(8000), 1],
  ['a large configuration to apply', 'application/apply-patch+yaml', document(8000), 1],
  ['a small one', 'application/yaml', document(2), 0],
  ['JSON under the name of YAML', 'application/yaml', Buffer.from(`{"a":"${'x'.repeat(100_000)}"}`), 0],
  ['JSON', 'application/json', document(8000), 0],
])('%s goes through the thread or not', async (_what, contentType, body, calls) => {
  const seen: Buffer[] = []
  const core = { convertYaml: async (given: Buffer) => (seen.push(given), Buffer.from('{}')) }
  const exchange = { body: async () => body, header: () => contentType } as unknown as Exchange
  const read = await requestBody(core, { exchange })
  expect([seen.length, read.toString()]).toEqual([calls, calls ? '{}' : body.toString()])
})

it('reads nothing more of what waits when it is disposed', async () => {
  const ended = new YamlThread(path.join(import.meta.dirname, 'yaml-worker.ts'))
  const waiting = Promise.allSettled([
    ended.convert(document(8000)),
    ended.convert(document(1)),
    ended.convert(document(1)),
  ])
  await new Promise((resolve) => setImmediate(resolve))
  ended[Symbol.dispose]()
  const refused = {
    status: 'rejected',
    reason: { message: expect.stringContaining('the server is stopping') as string },
  }
  expect(await waiting).toMatchObject([refused, refused, refused])
})

it('leaves to the audit log what it has made of a large document', async () => {
  const exchange = { body: async () => document(8000), header: () => 'application/yaml' } as unknown as Exchange
  await requestBody({ convertYaml: async () => Buffer.from('{"kind":"ConfigMap"}') }, { exchange })
  expect(readable(exchange.received, 'application/yaml', () => undefined)).toEqual({ kind: 'ConfigMap' })
})
