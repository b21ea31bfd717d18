import { expect, it } from 'vitest'
import { FakeClock } from '../../base/fake-clock.ts'
import { progressTeller } from './progress.ts'

it('tells of a long pull ever more rarely, and of a short one not at all', async () => {
  const clock = new FakeClock()
  const told: string[] = []
  const onProgress = progressTeller(clock, (text) => void told.push(text))
  for (let second = 0; second < 3600; second++) {
    onProgress({ layers: 5, layersDone: 2, bytes: 8_000_000, bytesDone: second * 1000 })
    if (second === 9) expect(told).toEqual([])
    await clock.advance(1000)
  }
  expect(told).toHaveLength(9)
  expect(told.slice(0, 2)).toEqual(['2 of 5 layers, 0.0 of 8.0 MB', '2 of 5 layers, 0.0 of 8.0 MB'])
  expect(told.at(-1)).toBe('2 of 5 layers, 2.6 of 8.0 MB')
})
