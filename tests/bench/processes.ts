import { readFileSync } from 'node:fs'
import { descendants } from '../support/processes.ts'

/** The agent's process of a cluster. Linux. */
export const agentOf = (cluster: number): number =>
  descendants(cluster).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('agent.mjs'))!
