import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { NftTable } from './table.ts'

const nft = (...args: string[]) => spawnSync('nft', args, { encoding: 'utf8' })
const hasNft = process.platform === 'linux' && process.getuid?.() === 0 && nft('--version').status === 0

it.runIf(hasNft)('a table that has been given up stays away, whatever comes too late', async () => {
  const name = `wh_test_${process.pid}`
  const table = new NftTable(name)
  const content = (rule: string) => ({ sets: new Map(), chains: new Map([['some', { rules: [rule] }]]) })
  await table.apply(content('accept'))
  expect(nft('list', 'tables').stdout).toContain(name)
  const ending = table[Symbol.asyncDispose]()
  await table.apply(content('drop'))
  await ending
  await table.apply(content('accept'))
  expect(nft('list', 'tables').stdout).not.toContain(name)
})
