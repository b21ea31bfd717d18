import { expect, it } from 'vitest'
import { candidatePorts } from './ports.ts'

it('offers ports that stay the same over restarts before any other', () => {
  expect([candidatePorts(80), candidatePorts(8080), candidatePorts(60_000)]).toEqual([
    [80, 8080, 20_080, 0],
    [8080, 18_080, 28_080, 0],
    [60_000, 0],
  ])
})
