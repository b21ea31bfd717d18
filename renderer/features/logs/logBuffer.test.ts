// @vitest-environment node
import { expect, it } from 'vitest'
import { lineTest, LogBuffer, type LogEntry } from './logBuffer.ts'

const entry = (text: string): LogEntry => ({ time: '', source: 0, text })
const texts = (buffer: LogBuffer) => Array.from({ length: buffer.length }, (_, i) => buffer.at(i)!.text)
const matching = (buffer: LogBuffer) => buffer.matches.map((number) => buffer.line(number)!.text)

it('keeps the newest lines and lets the oldest go', () => {
  const buffer = new LogBuffer(3)
  buffer.push(['a', 'b', 'c', 'd', 'e'].map(entry))
  expect(texts(buffer)).toEqual(['c', 'd', 'e'])
  expect(buffer.dropped).toBe(2)
})

it('tests only new lines as they come, and forgets matches that were let go', () => {
  const buffer = new LogBuffer(3)
  buffer.push([entry('error 1'), entry('fine')])
  buffer.filter(lineTest('error'))
  buffer.push([entry('error 2'), entry('error 3')])
  expect(matching(buffer)).toEqual(['error 2', 'error 3'])
})

it('finds words through colours', () => {
  const buffer = new LogBuffer()
  buffer.push([entry('\x1b[31mer\x1b[0mror')])
  buffer.filter(lineTest('error'))
  expect(buffer.matches).toHaveLength(1)
})

it('wants all words, or what a regular expression says, and takes an unfinished one for text', () => {
  expect(lineTest('get 500')!('500 GET /')).toBe(true)
  expect(lineTest('get 500')!('GET /')).toBe(false)
  expect(lineTest('/5\\d\\d/')!('code 503')).toBe(true)
  expect(lineTest('/(/')!('a /(/ b')).toBe(true)
  expect(lineTest('  ')).toBeUndefined()
})
