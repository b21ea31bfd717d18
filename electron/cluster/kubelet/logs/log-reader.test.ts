import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeClock } from '../../base/fake-clock.ts'
import { lastLines, readLogs, type LogOptions } from './log-reader.ts'

let directory: string
let file: string
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'logs-test-'))
  file = path.join(directory, '0.log')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const at = (second: number) => `2026-01-01T00:00:0${second}.000000001Z`
const line = (second: number, text: string, tag = 'F', stream = 'stdout') => `${at(second)} ${stream} ${tag} ${text}\n`

async function read(options: LogOptions = {}): Promise<string> {
  const to = new PassThrough()
  const text = to.toArray()
  await readLogs(
    { path: file, isRunning: async () => false, clock: new FakeClock(), signal: new AbortController().signal },
    options,
    to,
  )
  to.end()
  return Buffer.concat((await text) as Buffer[]).toString()
}

describe('reading a log', () => {
  beforeEach(() =>
    writeFile(file, line(1, 'one') + line(2, 'two', 'F', 'stderr') + line(3, 'thr', 'P') + line(4, 'ee') + line(5, '')),
  )

  it('shows both streams and joins the pieces of a long line', async () => {
    expect(await read()).toBe('one\ntwo\nthree\n\n')
  })

  it('puts the time before each whole line', async () => {
    expect(await read({ timestamps: true })).toBe(`${at(1)} one\n${at(2)} two\n${at(3)} three\n${at(5)} \n`)
  })

  it('begins so many lines before the end', async () => {
    expect(await read({ tailLines: 2 })).toBe('ee\n\n')
    expect(await read({ tailLines: 0 })).toBe('')
    expect(await read({ tailLines: 99 })).toBe('one\ntwo\nthree\n\n')
  })

  it('leaves out what is older, the other stream, and what is beyond the limit', async () => {
    expect(await read({ since: Date.parse(at(2)) })).toBe('two\nthree\n\n')
    expect(await read({ stream: 'stderr' })).toBe('two\n')
    expect(await read({ limitBytes: 5 })).toBe('one\nt')
  })

  it('skips lines that are none and shows a last line that is unfinished', async () => {
    await writeFile(file, `garbage\n${line(1, 'good')}${line(2, 'cut').trimEnd()}`)
    expect(await read()).toBe('good\ncut\n')
  })
})

it('finds the tail of a log that is larger than its buffer', async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => line(1, `${i} ${'x'.repeat(100)}`))
  await writeFile(file, lines.join(''))
  const text = await read({ tailLines: 1500 })
  expect(text.split('\n')).toHaveLength(1501)
  expect(text.startsWith('3500 ')).toBe(true)
  expect((await read()).split('\n')).toHaveLength(5001)
})

describe('following a log', () => {
  function follow(options: LogOptions = {}) {
    const state = { running: true }
    const clock = new FakeClock()
    const to = new PassThrough()
    let text = ''
    to.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const stop = new AbortController()
    const done = readLogs(
      { path: file, isRunning: async () => state.running, clock, signal: stop.signal },
      { ...options, follow: true },
      to,
    )
    return { state, clock, done, stop, text: () => text }
  }

  it('shows what is written later and ends with the container, last words included', async () => {
    await writeFile(file, line(1, 'one'))
    const log = follow()
    await vi.waitFor(() => expect(log.text()).toBe('one\n'))
    await appendFile(file, line(2, 'two'))
    await vi.waitFor(() => expect(log.text()).toBe('one\ntwo\n'))
    await appendFile(file, line(3, 'last'))
    log.state.running = false
    await log.clock.advance(1000)
    await log.done
    expect(log.text()).toBe('one\ntwo\nlast\n')
  })

  it('goes on in the new file after a rotation', async () => {
    await writeFile(file, line(1, 'old'))
    const log = follow()
    await vi.waitFor(() => expect(log.text()).toBe('old\n'))
    await rename(file, `${file}.1`)
    await writeFile(file, line(2, 'new'))
    await vi.waitFor(async () => {
      await log.clock.advance(1000)
      expect(log.text()).toBe('old\nnew\n')
    })
    log.stop.abort()
    await log.done
  })

  it('ends when the client has gone', async () => {
    await writeFile(file, line(1, 'one'))
    const log = follow()
    await vi.waitFor(() => expect(log.text()).toBe('one\n'))
    log.stop.abort()
    await log.done
  })
})

it('gives the end of a log by lines and bytes', async () => {
  await writeFile(file, line(1, 'one') + line(2, 'two') + line(3, 'three'))
  expect(await lastLines(file, 2, 100)).toBe('two\nthree\n')
  expect(await lastLines(file, 2, 4)).toBe('ree\n')
})
