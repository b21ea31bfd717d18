import { quantityOf, formatQuantity } from '#shared/kube/quantity.ts'
import type { Signals } from './signals.ts'

export type PressureType = 'MemoryPressure' | 'DiskPressure'

/** A resource of which there is too little. */
export interface Shortage {
  condition: PressureType
  resource: 'memory' | 'ephemeral-storage' | 'inodes'
  threshold: string
  available: string
}

const mebibyte = 1024 ** 2
/** Upstream's default. */
const leastMemory = 100 * mebibyte
/**
 * Upstream wants a tenth of the disk free, which on a large disk that is shared with everything else is no sign of
 * need: as much as this is enough.
 */
const enoughDisk = 1024 * mebibyte
const enoughInodes = 20_000
const shareOfDisk = 0.1
const shareOfInodes = 0.05

export function shortages(signals: Signals): Shortage[] {
  const disk = Math.min(enoughDisk, Math.floor(signals.diskCapacityBytes * shareOfDisk))
  const inodes = Math.min(enoughInodes, Math.floor(signals.inodeCapacity * shareOfInodes))
  const bytes = (value: number) => formatQuantity(quantityOf(value, 'BinarySI'))
  const kibibytes = (value: number) => `${Math.floor(value / 1024)}Ki`
  const found: Shortage[] = []
  if (signals.memoryBytes !== undefined && signals.memoryBytes < leastMemory) {
    const available = kibibytes(signals.memoryBytes)
    found.push({ condition: 'MemoryPressure', resource: 'memory', threshold: bytes(leastMemory), available })
  }
  if (signals.diskBytes < disk) {
    const available = kibibytes(signals.diskBytes)
    found.push({ condition: 'DiskPressure', resource: 'ephemeral-storage', threshold: bytes(disk), available })
  }
  if (signals.inodeCapacity && signals.inodes < inodes) {
    const [threshold, available] = [String(inodes), String(signals.inodes)]
    found.push({ condition: 'DiskPressure', resource: 'inodes', threshold, available })
  }
  return found
}
