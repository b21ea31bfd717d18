import { readFileSync, writeFileSync } from 'node:fs'

const file = '/proc/self/oom_score_adj'
const least = -1000

/**
 * The least score that containers of an engine may be given: what is not root of its machine, or is so with less than all
 * power, may not lower its own, and neither may a container that it starts. An engine that is here may what we may; of
 * others it is not known.
 */
export function leastOomScore(isHere: boolean, securityOptions: readonly string[]): number {
  if (!isHere || securityOptions.some((option) => option.includes('name=rootless'))) return 0
  const own = Number(readFileSync(file, 'utf8'))
  try {
    writeFileSync(file, String(Math.max(least, own - 1)))
    writeFileSync(file, String(own))
    return least
  } catch {
    return own
  }
}
