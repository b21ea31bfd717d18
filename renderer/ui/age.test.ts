// @vitest-environment node
import { expect, it } from 'vitest'
import { shortDuration } from './age.ts'

const seconds = (count: number) => shortDuration(count * 1000)

it('reads as the AGE column of kubectl does', () => {
  expect([0, 119, 120, 599, 600, 10_799, 10_800].map(seconds)).toEqual([
    '0s',
    '119s',
    '2m',
    '9m59s',
    '10m',
    '179m',
    '3h',
  ])
  expect([8 * 3600, 47 * 3600, 48 * 3600, 7 * 86_400 + 3600, 8 * 86_400].map(seconds)).toEqual([
    '8h',
    '47h',
    '2d',
    '7d1h',
    '8d',
  ])
  expect([729, 730, 8 * 365].map((days) => seconds(days * 86_400))).toEqual(['729d', '2y', '8y'])
})

it('is never negative when clocks differ', () => {
  expect(seconds(-5)).toBe('0s')
})
