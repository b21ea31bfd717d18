import { expect, it } from 'vitest'
import { claimRange } from './claim-range.ts'

it.runIf(process.platform === 'linux')(
  'a range that one cluster has claimed is no other’s until it lets go',
  async () => {
    const range = `10.251.0.0/16 ${process.pid}`
    const first = await claimRange(range)
    expect([first !== undefined, await claimRange(range)]).toEqual([true, undefined])
    await first![Symbol.asyncDispose]()
    await using again = await claimRange(range)
    expect(again).toBeDefined()
  },
)
