import { afterEach, beforeEach, expect, it, vi } from 'vitest'

// What it measured it remembers, for other tests too.
beforeEach(() => vi.resetModules())
afterEach(() => vi.unstubAllGlobals())

async function withBrush(measureText: (text: string) => { width: number }) {
  const brush = { font: '', measureText: vi.fn(measureText) }
  vi.stubGlobal(
    'OffscreenCanvas',
    class {
      getContext = () => brush
    },
  )
  return { brush, ...(await import('./textWidth.ts')) }
}

it('adds up the characters and measures each of them once', async () => {
  const { brush, textWidth } = await withBrush((text) => ({ width: text === 'i' ? 3 : 10 }))
  expect(textWidth('iWi')).toBe(16)
  expect(textWidth('WWW')).toBe(30)
  expect(brush.measureText).toHaveBeenCalledTimes(2)
})

it('takes all figures for as wide as the nought, for the page draws them in columns', async () => {
  const { textWidth } = await withBrush((text) => ({ width: text === '1' ? 5 : text === '0' ? 8 : 10 }))
  expect(textWidth('11:05')).toBe(4 * 8 + 10)
})

it('trusts no sum where characters may join', async () => {
  const { textWidth } = await withBrush(() => ({ width: 1 }))
  expect(textWidth('é')).toBe(Infinity)
  expect(textWidth('a\u0301')).toBe(Infinity)
})

it('takes every character for a wide one where there is nothing to measure with', async () => {
  vi.stubGlobal('OffscreenCanvas', undefined)
  const { textWidth } = await import('./textWidth.ts')
  expect(textWidth('ii')).toBeGreaterThanOrEqual(2 * 13)
})
