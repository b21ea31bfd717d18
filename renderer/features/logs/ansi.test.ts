// @vitest-environment node
import { expect, it } from 'vitest'
import { plainText, styledRuns } from './ansi.ts'

it('colours what SGR sequences colour, until they are reset', () => {
  expect(styledRuns('a\x1b[1;31mb\x1b[0mc')).toEqual([
    { text: 'a' },
    { text: 'b', bold: true, color: 1 },
    { text: 'c' },
  ])
  expect(styledRuns('\x1b[92mx\x1b[39my')).toEqual([{ text: 'x', color: 10 }, { text: 'y' }])
})

it('knows the 256 colours and true colour', () => {
  expect(styledRuns('\x1b[38;5;196mx')[0]!.color).toBe('rgb(255 0 0)')
  expect(styledRuns('\x1b[38;2;1;2;3mx')[0]!.color).toBe('rgb(1 2 3)')
  expect(styledRuns('\x1b[38;5;244mx')[0]!.color).toBe('rgb(128 128 128)')
})

it('drops what moves a cursor or sets a title, which a log line cannot do', () => {
  expect(plainText('\x1b]0;title\x07a\x1b[2Kb')).toBe('ab')
  expect(
    styledRuns('\x1b[2Jhi')
      .map(({ text }) => text)
      .join(''),
  ).toBe('hi')
})
