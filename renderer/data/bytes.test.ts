// @vitest-environment node
import { expect, it } from 'vitest'
import { readableBytes } from './bytes.ts'

it('says bytes in the largest unit of which there is one, with a digit more where that matters', () => {
  expect([12, 2048, 1.5 * 2 ** 30, 24_581_256 * 1024, 2 ** 50].map(readableBytes)).toEqual([
    '12 B',
    '2.0 KiB',
    '1.5 GiB',
    '23 GiB',
    '1.0 PiB',
  ])
})
