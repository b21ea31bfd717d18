import { expect, it } from 'vitest'
import { LogLines } from './log-lines.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

it('joins lines and characters that arrive in halves', () => {
  const lines = new LogLines('web', 'app')
  const text = bytes('2026-01-01T00:00:00.1Z häl\n2026-01-01T00:00:01Z two\n')
  const cut = [...text].flatMap((_byte, at) => lines.feed(text.subarray(at, at + 1)))
  expect(cut.map(({ time, text: t, pod, container }) => [time, t, pod, container])).toEqual([
    ['2026-01-01T00:00:00.1Z', 'häl', 'web', 'app'],
    ['2026-01-01T00:00:01Z', 'two', 'web', 'app'],
  ])
})

it('keeps a last line without a newline for the end of the stream', () => {
  const lines = new LogLines('web', 'app')
  expect(lines.feed(bytes('2026-01-01T00:00:00Z bye'))).toEqual([])
  expect(lines.flush()).toMatchObject([{ text: 'bye' }])
  expect(lines.flush()).toEqual([])
})

it('keeps empty lines, carriage returns out, and what has no time', () => {
  const lines = new LogLines('web', 'app')
  expect(
    lines
      .feed(bytes('2026-01-01T00:00:00Z \n2026-01-01T00:00:00Z\nx\r\nfailed to read\n'))
      .map(({ time, text }) => [time, text]),
  ).toEqual([
    ['2026-01-01T00:00:00Z', ''],
    ['2026-01-01T00:00:00Z', ''],
    ['', 'x'],
    ['', 'failed to read'],
  ])
})

it('cuts a line that never ends, so that it cannot fill the memory', () => {
  const lines = new LogLines('web', 'app')
  const shown = Array.from({ length: 20 }, () => lines.feed(bytes('x'.repeat(64 * 1024)))).flat()
  expect(shown.length).toBeGreaterThan(2)
  expect([...shown, ...lines.flush()].map(({ text }) => text).join('')).toBe('x'.repeat(20 * 64 * 1024))
})
