import type { PodNetwork } from '../api.ts'
import { createBridgeNetwork } from './bridge.ts'
import { command } from './commands.ts'
import type { PodNetworkDeps } from './deps.ts'
import { createMappedNetwork } from './mapped.ts'
import { networkHash } from './names.ts'

export type { PodNetworkDeps } from './deps.ts'
export { claimRange } from './claim-range.ts'
export { isFreeFor, pickFreePodRange } from './free-range.ts'

export async function createPodNetwork(deps: PodNetworkDeps): Promise<PodNetwork> {
  const hash = networkHash(deps.clusterId)
  const why = deps.driver === 'mapped' ? (deps.why ?? 'it was chosen') : await whyNoBridge(hash)
  if (deps.driver === 'bridge' && why) throw new Error(`the bridge network cannot be used: ${why}`)
  return why === undefined ? createBridgeNetwork(deps, hash) : createMappedNetwork(deps, hash, why)
}

/** Undefined when network namespaces and bridges can be made here. */
async function whyNoBridge(hash: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return `${process.platform} has no network namespaces`
  if (process.getuid?.() !== 0) return 'it takes root'
  // Nodes of one process try at the same time.
  const trial = `whtrial-${hash}-${process.pid}`
  try {
    await command('nft', '--version')
    await command('ip', 'netns', 'add', trial)
    await command('ip', 'netns', 'delete', trial)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
