import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { up } from '../support/cluster.ts'
import { differences, meaning } from './normalise.ts'
import { readRecording } from './recording.ts'
import { replay, type Replayed } from './replay.ts'

interface Tally {
  exchanges: number
  same: number
  exact: number
}

const baselineFile = path.join(import.meta.dirname, 'baseline.json')
const { WHEELHOUSE_SHOW: show = '0', WHEELHOUSE_AREA: area, WHEELHOUSE_KEEP: keep } = process.env

function tallies(results: readonly Replayed[]): Record<string, Tally> {
  const byArea: Record<string, Tally> = {}
  for (const { exchange, same, exact } of results) {
    const tally = (byArea[exchange.area] ??= { exchanges: 0, same: 0, exact: 0 })
    tally.exchanges++
    tally.same += Number(same)
    tally.exact += Number(exact)
  }
  return byArea
}

function report(results: readonly Replayed[]): string {
  const lines = Object.entries(tallies(results)).map(
    ([name, { exchanges, same, exact }]) =>
      `${name.padEnd(12)} ${String(same).padStart(5)} / ${exchanges} same meaning, ${exact} exact`,
  )
  const missed = results
    .filter(({ same, exchange }) => !same && (!area || area === exchange.area))
    .slice(0, Number(show))
  for (const { exchange, actual } of missed) {
    lines.push(
      `- ${exchange.id}`,
      ...differences(meaning(exchange.response), meaning(actual)).map((difference) => `    ${difference}`),
    )
  }
  return lines.join('\n')
}

// Managed fields are ordered by time: where the second turns between two writes, one exchange is exact no longer.
it('answers as the real server does, in no area worse than before', { retry: 2, timeout: 180_000 }, async () => {
  await using cluster = await up(['--bare', '--store', 'memory'])
  const results = await replay(readFileSync(cluster.kubeconfig, 'utf8'), readRecording())
  process.stdout.write(`${report(results)}\n`)
  const reached = tallies(results)
  if (keep) writeFileSync(baselineFile, `${JSON.stringify(reached, null, 2)}\n`)
  const baseline = existsSync(baselineFile)
    ? (JSON.parse(readFileSync(baselineFile, 'utf8')) as Record<string, Tally>)
    : {}
  const worse = Object.entries(baseline).filter(
    ([name, { same, exact }]) => (reached[name]?.same ?? 0) < same || (reached[name]?.exact ?? 0) < exact,
  )
  expect(worse.map(([name, before]) => ({ area: name, before, now: reached[name] }))).toEqual([])
})
