import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { constants, createDeflate } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { socketPair } from '../testing/pipes.ts'
import { headerDictionary } from './dictionary.ts'
import {
  encodeDataHead,
  encodePing,
  encodeSettings,
  encodeSynStream,
  encodeWindowUpdate,
  FrameReader,
  type Frame,
} from './frames.ts'
import { HeaderReader, HeaderWriter } from './headers.ts'
import { SpdySession } from './session.ts'
import type { SpdyStream } from './stream.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

describe('frames', () => {
  const bytes = Buffer.concat([
    encodeSynStream(1, Buffer.from('headers')),
    encodeDataHead(1, 5),
    Buffer.from('hello'),
    encodeDataHead(1, 0, true),
    encodePing(7),
    encodeWindowUpdate(1, 100),
    encodeSettings(1000),
  ])
  const wanted: Frame[] = [
    { type: 'syn-stream', streamId: 1, fin: false, headerBlock: Buffer.from('headers') },
    { type: 'data', streamId: 1, data: Buffer.from('hello'), fin: false },
    { type: 'data', streamId: 1, data: Buffer.alloc(0), fin: true },
    { type: 'ping', id: 7 },
    { type: 'window-update', streamId: 1, delta: 100 },
    { type: 'settings', initialWindow: 1000 },
  ]

  it('are read however the bytes are cut', () => {
    for (const size of [1, 3, 7, 1000]) {
      const reader = new FrameReader()
      const frames: Frame[] = []
      for (let at = 0; at < bytes.length; at += size) frames.push(...reader.push(bytes.subarray(at, at + size)))
      const joined: Frame[] = []
      for (const frame of frames) {
        const last = joined.at(-1)
        if (frame.type === 'data' && last?.type === 'data' && !last.fin && !frame.fin) {
          joined[joined.length - 1] = { ...last, data: Buffer.concat([last.data, frame.data]) }
        } else joined.push(frame)
      }
      expect(joined, `in pieces of ${size}`).toEqual(wanted)
    }
  })

  it('of another protocol are refused', () => {
    expect(() => [...new FrameReader().push(Buffer.from('\x80\x02 not spdy at all', 'latin1'))]).toThrow(
      'not a SPDY/3 frame',
    )
  })
})

describe('header blocks', () => {
  it('written by a client with zlib and the dictionary are read, one stream for all blocks', async () => {
    const deflate = createDeflate({ dictionary: headerDictionary, level: 9 })
    const reader = new HeaderReader()
    closers.push(() => reader.close())
    for (const type of ['error', 'stdin', 'stdout']) {
      deflate.write(plainBlock({ streamType: type }))
      await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve))
      expect(await reader.read(deflate.read() as Buffer)).toEqual({ streamtype: type })
    }
  })

  it('of our own are read by any inflater', async () => {
    const [reader, writer] = [new HeaderReader(), new HeaderWriter()]
    closers.push(() => reader.close())
    expect(await reader.read(writer.write({}))).toEqual({})
    expect(await reader.read(writer.write({ port: '80', requestid: '1' }))).toEqual({ port: '80', requestid: '1' })
  })

  function plainBlock(headers: Record<string, string>): Buffer {
    const number = (value: number) => Buffer.from([0, 0, 0, value])
    const parts = Object.entries(headers).flatMap((entry) =>
      entry.flatMap((text) => [number(text.length), Buffer.from(text)]),
    )
    return Buffer.concat([number(Object.keys(headers).length), ...parts])
  }
})

describe('a session', () => {
  async function pair(onStream: (stream: SpdyStream) => boolean) {
    const [near, far] = await socketPair()
    const client = new SpdySession({ transport: near, onStream: () => false, client: true })
    const server = new SpdySession({ transport: far, onStream })
    closers.push(() => {
      near.destroy()
      far.destroy()
    })
    return { client, server, near, far }
  }

  it('carries headers and bytes both ways and half-closes', async () => {
    const { client } = await pair((stream) => {
      stream.pipe(stream)
      return true
    })
    const stream = client.open({ streamtype: 'data' })
    stream.end('ping')
    expect(Buffer.concat(await stream.toArray()).toString()).toBe('ping')
  })

  it('delivers 50 MB intact to a reader that is slower than the writer', async () => {
    const sent = createHash('sha256')
    const received = createHash('sha256')
    let most = 0
    const { client } = await pair((stream) => {
      stream.on('end', () => stream.end())
      stream.on('data', (data: Buffer) => {
        received.update(data)
        most = Math.max(most, stream.readableLength)
        stream.pause()
        setImmediate(() => stream.resume())
      })
      return true
    })
    const stream = client.open({})
    stream.resume()
    const block = randomBytes(1 << 20)
    for (let i = 0; i < 50; i++) {
      sent.update(block)
      if (!stream.write(block)) await once(stream, 'drain')
    }
    stream.end()
    await once(stream, 'end')
    expect(received.digest('hex')).toBe(sent.digest('hex'))
    expect(most).toBeLessThan(1 << 20)
  })

  it('stops reading while one stream lags, instead of growing', async () => {
    const held: SpdyStream[] = []
    const { client, near } = await pair((stream) => held.push(stream) > 0)
    const stream = client.open({})
    for (let i = 0; i < 400; i++) stream.write(Buffer.alloc(64 * 1024))
    await vi.waitFor(() => expect(held[0]?.readableLength).toBeGreaterThan(0))
    await vi.waitFor(() => expect(near.writableNeedDrain).toBe(true))
    expect(held[0]!.readableLength).toBeLessThan(1 << 20)
  })

  it('answers pings of the other side', async () => {
    const { near } = await pair(() => true)
    const frames: Frame[] = []
    const reader = new FrameReader()
    near.on('data', (chunk: Buffer) => frames.push(...reader.push(chunk)))
    near.write(encodePing(5))
    await vi.waitFor(() => expect(frames).toContainEqual({ type: 'ping', id: 5 }))
  })

  it('counts windows with a peer that counts them', async () => {
    const [near, far] = await socketPair()
    closers.push(() => {
      near.destroy()
      far.destroy()
    })
    const server = new SpdySession({
      transport: far,
      onStream: (stream) => {
        stream.write(Buffer.alloc(5000))
        return true
      },
    })
    let received = 0
    const reader = new FrameReader()
    near.on('data', (chunk: Buffer) => {
      for (const frame of reader.push(chunk)) if (frame.type === 'data') received += frame.data.length
    })
    const writer = new HeaderWriter()
    near.write(Buffer.concat([encodeSettings(1000), encodeSynStream(1, writer.write({}))]))
    await vi.waitFor(() => expect(received).toBe(1000))
    near.write(encodeWindowUpdate(1, 500))
    await vi.waitFor(() => expect(received).toBe(1500))
    expect(server.flowControl).toBe(true)
  })

  it('refuses streams that its owner does not want', async () => {
    const { client } = await pair(() => false)
    const stream = client.open({})
    await new Promise<void>((resolve) => stream.once('close', resolve))
    expect(stream.destroyed).toBe(true)
  })

  it('gives a client all of a stream that the server cancels when it is done with it', async () => {
    const { client } = await pair((stream) => {
      stream.write('the last word', () => stream.reset())
      return true
    })
    expect(await text(client.open({}))).toBe('the last word')
  })

  it('gives a client all of a stream when the server goes', async () => {
    const { client, far } = await pair((stream) => {
      stream.write('the last word', () => far.end())
      return true
    })
    expect(await text(client.open({}))).toBe('the last word')
  })

  it('ends all streams when the connection breaks', async () => {
    const streams: SpdyStream[] = []
    const { client, near, server } = await pair((stream) => streams.push(stream) > 0)
    client.open({}).write('x')
    await vi.waitFor(() => expect(streams).toHaveLength(1))
    near.destroy()
    await server.closed
    expect(streams[0]!.destroyed).toBe(true)
  })
})
