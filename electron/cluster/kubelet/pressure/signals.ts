import { readFile, statfs } from 'node:fs/promises'
import os from 'node:os'

/** How much of the machine is left. */
export interface Signals {
  memoryBytes: number
  diskBytes: number
  diskCapacityBytes: number
  inodes: number
  /** 0 where the file system does not count them. */
  inodeCapacity: number
}

/** `directory`: on the disk that pods are kept on. Rejects where the system does not tell. */
export async function readSignals(directory: string): Promise<Signals> {
  const [disk, meminfo] = await Promise.all([statfs(directory), readFile('/proc/meminfo', 'utf8').catch(() => '')])
  // What caches hold can be had; only Linux tells how much of it.
  const kilobytes = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1])
  return {
    memoryBytes: kilobytes ? kilobytes * 1024 : os.freemem(),
    diskBytes: disk.bavail * disk.bsize,
    diskCapacityBytes: disk.blocks * disk.bsize,
    inodes: disk.ffree,
    inodeCapacity: disk.files,
  }
}
