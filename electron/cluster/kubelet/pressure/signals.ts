import { readFile, statfs } from 'node:fs/promises'
import os from 'node:os'

/** How much of the machine is left. */
export interface Signals {
  /** Undefined where the system does not tell what caches would give back, as macOS. */
  memoryBytes: number | undefined
  diskBytes: number
  diskCapacityBytes: number
  inodes: number
  /** 0 where the file system does not count them. */
  inodeCapacity: number
}

/** `directory`: on the disk that pods are kept on. Rejects where the system does not tell. */
export async function readSignals(directory: string): Promise<Signals> {
  const [disk, meminfo] = await Promise.all([statfs(directory), readFile('/proc/meminfo', 'utf8').catch(() => '')])
  const kilobytes = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1])
  return {
    memoryBytes: kilobytes ? kilobytes * 1024 : process.platform === 'win32' ? os.freemem() : undefined,
    diskBytes: disk.bavail * disk.bsize,
    diskCapacityBytes: disk.blocks * disk.bsize,
    inodes: disk.ffree,
    inodeCapacity: disk.files,
  }
}
