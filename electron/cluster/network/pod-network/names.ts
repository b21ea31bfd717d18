import { createHash } from 'node:crypto'

/** Tells what belongs to one node of one cluster from everything else on the machine, within the 15 bytes of a device name. */
export const networkHash = (clusterId: string): string =>
  createHash('sha256').update(clusterId).digest('hex').slice(0, 8)

export const bridgeName = (hash: string): string => `wh${hash}`
