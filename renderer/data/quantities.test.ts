// @vitest-environment node
import { expect, it } from 'vitest'
import { readableCores, readableQuantity } from './quantities.ts'

it('says amounts as people do', () => {
  expect(readableQuantity('cpu', '7800m')).toBe('7.8')
  expect(readableQuantity('cpu', '8')).toBe('8')
  expect(readableQuantity('memory', '16332456Ki')).toBe('16 GiB')
  expect(readableQuantity('memory', '1536Mi')).toBe('1.5 GiB')
  expect(readableQuantity('memory', '4294967296')).toBe('4.0 GiB')
  expect(readableQuantity('pods', '110')).toBe('110')
  expect(readableQuantity('memory', 'odd')).toBe('odd')
})

it.each([
  [0, '0'],
  [0.0124, '12m'],
  [1.256, '1.26'],
  [16, '16'],
  [31_500.15, '31,500'],
])('says %s cores as a person would', (cores, words) => expect(readableCores(cores)).toBe(words))
