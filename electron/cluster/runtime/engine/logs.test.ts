import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { logLines, nanosecondsOf } from './log-lines.ts'
import { logPosition } from './log-position.ts'

const second = 1_000_000_000n
const began = nanosecondsOf('2026-01-02T03:04:05Z')

describe('lines of a log', () => {
  /** As the engine sends a message: what it is, its length, a time and a text. */
  const frame = (stream: 1 | 2, text: string): Buffer => {
    const payload = Buffer.from(`2026-01-02T03:04:05.000000007Z ${text}`)
    const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0])
    header.writeUInt32BE(payload.length, 4)
    return Buffer.concat([header, payload])
  }
  const linesOf = async (data: Buffer, tty: boolean) => {
    // Pieces end wherever they do.
    const pieces = Array.from({ length: Math.ceil(data.length / 11) }, (_, i) => data.subarray(i * 11, i * 11 + 11))
    const lines: string[] = []
    for await (const { stream, tag, text, at } of logLines(Readable.from(pieces), tty))
      lines.push(`${at - began} ${stream} ${tag} ${text.toString()}`)
    return lines
  }

  it('are told apart by their stream, and whole ones from parts', async () => {
    const data = Buffer.concat([frame(1, 'one\n'), frame(2, 'part'), frame(1, '\n')])
    expect(await linesOf(data, false)).toEqual(['7 stdout F one', '7 stderr P part', '7 stdout F '])
  })

  it('come without frames from a terminal, long ones in parts', async () => {
    const time = '2026-01-02T03:04:05.000000007Z'
    const long = 'x'.repeat(16_384)
    const data = Buffer.from(`${time} one\r\n${time} ${long}${time} rest\n${time} last`)
    expect(await linesOf(data, true)).toEqual([
      '7 stdout F one\r',
      `7 stdout P ${long}`,
      '7 stdout F rest',
      '7 stdout P last',
    ])
  })

  it('have the times of any zone', () => {
    expect(nanosecondsOf('2026-01-02T04:04:06.5+01:00') - began).toBe(second + second / 2n)
  })
})

describe('the position in a log', () => {
  let folder: string
  let file: string
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'wh-logs-'))
    file = path.join(folder, '0.log')
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const line = (text: string, seconds: bigint) =>
    ({ stream: 'stdout', tag: 'F', text: Buffer.from(text), at: began + seconds * second }) as const

  it('is the beginning of one that has nothing in it', () => {
    writeFileSync(file, '')
    const position = logPosition(file)
    expect([position.since, position.has(line('x', 0n))]).toEqual([undefined, false])
  })

  it('knows the last lines, each as often as it is there', () => {
    const [a, b] = ['2026-01-02T03:04:05.000000000Z stdout F old\n', '2026-01-02T03:04:15.000000000Z stdout F same\n']
    writeFileSync(file, a + b + b)
    const position = logPosition(file)
    expect(position.since).toBe(began + 8n * second)
    expect([1, 2, 3].map(() => position.has(line('same', 10n)))).toEqual([true, true, false])
    expect([position.has(line('other', 10n)), position.has(line('same', 11n))]).toEqual([false, false])
  })

  it('is in the log that was renamed last where the new one has nothing in it', () => {
    writeFileSync(file, '')
    writeFileSync(`${file}.20260102-030400`, '2026-01-02T03:04:00.000000000Z stdout F old\n')
    writeFileSync(`${file}.20260102-030405`, '2026-01-02T03:04:05.000000000Z stdout F last\n')
    writeFileSync(`${file}.20260102-030500.gz`, 'of an earlier one')
    expect(logPosition(file).has(line('last', 0n))).toBe(true)
  })
})
