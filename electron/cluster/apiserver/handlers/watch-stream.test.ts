import { expect, it } from 'vitest'
import { expired } from '#shared/kube/status.ts'
import { openEnvelope } from '../../schema/protobuf.ts'
import { Change, WatchBatch } from '../storage/watch-batch.ts'
import type { AnswerStream } from '../transport/exchange.ts'
import type { Entry } from '../../store/api.ts'
import { configMap, smallCore } from '../testing/small-core.ts'
import { plainView } from './plain-view.ts'
import { protobufView } from './protobuf-view.ts'
import { viewOf } from './views.ts'
import { watchStream } from './watch-stream.ts'

/** A client that reads when it is told to. */
function client() {
  const lines: string[] = []
  const waiting: (() => void)[] = []
  const state = { buffered: 0, destroyed: false, ended: false }
  const stream: AnswerStream = {
    write: (bytes) => void lines.push(...bytes.toString().split('\n').filter(Boolean)),
    get buffered() {
      return state.buffered
    },
    whenDrained: (callback) => void waiting.push(callback),
    end: () => (state.ended = true),
    destroy: () => (state.destroyed = true),
  }
  const read = () => waiting.splice(0).forEach((callback) => callback())
  const events = () =>
    lines.map(
      (line) =>
        JSON.parse(line) as {
          type: string
          object: { kind: string; columnDefinitions?: unknown; metadata: { name: string } }
        },
    )
  return { stream, state, read, events }
}

async function batchOf(count: number) {
  const small = smallCore()
  for (let i = 0; i < count; i++) await small.create(configMap(`m${String(i).padStart(4, '0')}`))
  const kind = small.kind('configmaps')
  const entries = kind.objects.store.range(kind.objects.type.prefix)
  return {
    small,
    kind,
    batch: new WatchBatch(
      entries.map((entry) => new Change('ADDED', entry)),
      kind.objects.revision,
    ),
  }
}

it('sends a large state in pieces, as fast as it is read, and everything else behind it', async () => {
  const { kind, batch } = await batchOf(1200)
  const { stream, events, read, state } = client()
  const output = watchStream(stream, plainView(kind))
  output.batch(batch)
  output.bookmark({ resourceVersion: '1' })
  output.end()
  expect(events()).toHaveLength(500)
  read()
  expect(events()).toHaveLength(1000)
  expect(state.ended).toBe(false)
  read()
  expect(events()).toHaveLength(1201)
  expect(events().at(-1)!.type).toBe('BOOKMARK')
  expect(state.ended).toBe(true)
})

it('drops a client that does not read', async () => {
  const { kind, batch } = await batchOf(1)
  const { stream, state } = client()
  const output = watchStream(stream, plainView(kind))
  state.buffered = 33 * 1024 * 1024
  output.batch(batch)
  expect(state.destroyed).toBe(true)
})

it('sends the columns of a table once', async () => {
  const { kind, batch, small } = await batchOf(2)
  const { stream, events } = client()
  const table = viewOf(kind, { format: 'json', as: 'Table', version: 'v1', group: 'meta.k8s.io' }, null, small.clock)
  watchStream(stream, table).batch(batch)
  expect(events().map(({ object }) => [object.kind, object.columnDefinitions === null])).toEqual([
    ['Table', false],
    ['Table', true],
  ])
})

it('frames what it says in protobuf: changes, bookmarks and failures', async () => {
  const { kind, batch, small } = await batchOf(1)
  const frames: Buffer[] = []
  const { stream } = client()
  const output = watchStream({ ...stream, write: (bytes) => void frames.push(bytes) }, protobufView(kind, small.clock))
  output.batch(batch)
  output.bookmark({ resourceVersion: '7' })
  output.error(expired('too old resource version').status)
  const said = frames.map((frame) => {
    expect(frame.readUInt32BE()).toBe(frame.length - 4)
    const { apiVersion, kind: shown } = openEnvelope(frame.subarray(frame.indexOf('k8s\0')))
    return [frame.toString('utf8', 6, 6 + frame[5]!), apiVersion, shown]
  })
  expect(said).toEqual([
    ['ADDED', 'v1', 'ConfigMap'],
    ['BOOKMARK', 'v1', 'ConfigMap'],
    ['ERROR', 'v1', 'Status'],
  ])
})

it('tells of an object that cannot be written, and goes on', async () => {
  const { kind, batch } = await batchOf(2)
  const { stream, events } = client()
  const plain = plainView(kind)
  const one = (entry: Entry) => {
    if (entry.key.endsWith('m0000')) throw new Error('broken')
    return plain.one(entry)
  }
  watchStream(stream, { ...plain, key: 'broken', one }).batch(batch)
  expect(events().map(({ type, object }) => [type, object.kind])).toEqual([
    ['ERROR', 'Status'],
    ['ADDED', 'ConfigMap'],
  ])
})
