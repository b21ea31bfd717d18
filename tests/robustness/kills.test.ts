import { expect, it } from 'vitest'
import { killLoop } from './kill-loop.ts'

it('a server killed again and again loses nothing that it acknowledged, and gives no revision twice', async () => {
  const report = await killLoop(6)
  expect(report).toEqual({
    rounds: 6,
    acknowledged: expect.any(Number),
    lost: [],
    unknown: [],
    reused: [],
    silent: [],
  })
  expect(report.acknowledged).toBeGreaterThan(500)
}, 120_000)
