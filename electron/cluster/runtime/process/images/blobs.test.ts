import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BlobStore, type BlobSource } from './blobs.ts'
import { digestOf } from './digest.ts'
import { impatientClock } from './testing/clock.ts'

const content = Buffer.alloc(300_000, 'content that is neither short nor all alike; ')
const blob = { mediaType: 'x', digest: digestOf(content), size: content.length }

let directory: string
let blobs: BlobStore
beforeEach(() => {
  directory = path.join(mkdtempSync(path.join(os.tmpdir(), 'wheelhouse-blobs-')), 'blobs')
  blobs = new BlobStore(directory, impatientClock)
})
afterEach(() => rmSync(path.dirname(directory), { recursive: true, force: true }))

/** Serves from what was asked for on, and breaks off after so many bytes each time. */
const breaking = (bytes: number, asked: number[] = []): BlobSource => {
  return async (from) => {
    asked.push(from)
    const piece = content.subarray(from, from + bytes)
    const body = Readable.from(
      (async function* () {
        yield piece
        if (from + bytes < content.length) throw new Error('reset')
      })(),
    )
    return { body, offset: from }
  }
}

const whole: BlobSource = async () => ({ body: Readable.from([content]), offset: 0 })

it('keeps what has the right size and digest, and counts the bytes', async () => {
  const counts: number[] = []
  const file = await blobs.fetch(blob, breaking(1_000_000), { onBytes: (bytes) => void counts.push(bytes) })
  expect(readFileSync(file)).toEqual(content)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(counts.at(-1)).toBe(content.length)
  expect(readdirSync(directory)).toEqual([path.basename(file)])
})

it('goes on where it was interrupted, however often, as long as it gets on', async () => {
  const asked: number[] = []
  expect(readFileSync(await blobs.fetch(blob, breaking(70_000, asked)))).toEqual(content)
  expect(asked).toEqual([0, 70_000, 140_000, 210_000, 280_000])
})

it('starts over where the registry knows no ranges', async () => {
  let first = true
  const source: BlobSource = async (from, signal) => {
    if (!first) return whole(from, signal)
    first = false
    return breaking(100_000)(0, signal)
  }
  expect(readFileSync(await blobs.fetch(blob, source))).toEqual(content)
})

it('gives up when nothing comes any more, and keeps what it has for the next one', async () => {
  await expect(blobs.fetch(blob, breaking(100))).rejects.toThrow('reset')
  const asked: number[] = []
  await blobs.fetch(blob, breaking(1_000_000, asked))
  expect(asked).toEqual([500])
})

it.each([
  ['another content', Buffer.from(content).fill('x', 5, 6), /the content of sha256:\w+ has the digest sha256:/],
  ['more than it should', Buffer.concat([content, Buffer.from('x')]), /is longer than the 300000 bytes it should have/],
])('leaves nothing of a blob that is %s', async (_what, wrong, message) => {
  const source: BlobSource = async () => ({ body: Readable.from([wrong]), offset: 0 })
  await expect(blobs.fetch(blob, source)).rejects.toThrow(message)
  expect(readdirSync(directory)).toEqual([])
})

it('does not put together what does not belong together', async () => {
  await blobs.fetch(blob, breaking(100)).catch(() => {})
  const source: BlobSource = async (from) => ({ body: Readable.from([content]), offset: from - 1 })
  await expect(blobs.fetch(blob, source)).rejects.toThrow(/answers with bytes from 499 on, where 500 are there/)
})

it('fetches once what two want at once, and goes on when one of them gives up', async () => {
  const asked: number[] = []
  const release = Promise.withResolvers<void>()
  const source: BlobSource = async (from, signal) => {
    asked.push(from)
    await release.promise
    return whole(from, signal)
  }
  const stop = new AbortController()
  const first = blobs.fetch(blob, source, { signal: stop.signal })
  const second = blobs.fetch(blob, source)
  stop.abort(new Error('the pod is gone'))
  await expect(first).rejects.toThrow('the pod is gone')
  release.resolve()
  expect(existsSync(await second)).toBe(true)
  expect(asked).toEqual([0])
})

it('stops when nobody wants it any more', async () => {
  const stop = new AbortController()
  const heard = Promise.withResolvers<AbortSignal>()
  const fetched = blobs.fetch(
    blob,
    (_from, signal) => {
      heard.resolve(signal)
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    },
    { signal: stop.signal },
  )
  const inner = await heard.promise
  stop.abort(new Error('the pod is gone'))
  await expect(fetched).rejects.toThrow('the pod is gone')
  expect(inner.aborted).toBe(true)
})

it('clears nothing while somebody holds it, and everything else when it is opened again', async () => {
  await blobs.fetch(blob, whole)
  const release = blobs.hold()
  expect(blobs.clear()).toBe(false)
  release()
  expect(readdirSync(directory)).toHaveLength(1)
  expect(new BlobStore(directory, impatientClock).clear()).toBe(true)
  expect(readdirSync(directory)).toEqual([])
})
