import { randomUUID } from 'node:crypto'
import { readFile, statfs } from 'node:fs/promises'
import os from 'node:os'

/** What this machine has and is, as a node reports it. */
export interface Machine {
  cpus: number
  memoryBytes: number
  storageBytes: number
  machineId: string
  bootId: string
  kernelVersion: string
  osImage: string
  /** Go's names, such as linux and amd64. */
  operatingSystem: string
  architecture: string
}

const architectures: Record<string, string> = { x64: 'amd64', ia32: '386' }
const systems: Record<string, string> = { win32: 'windows' }

export async function readMachine(directory: string): Promise<Machine> {
  const text = (file: string) =>
    readFile(file, 'utf8').then(
      (content) => content.trim(),
      () => '',
    )
  const [disk, machineId, bootId, release] = await Promise.all([
    statfs(directory).catch(() => undefined),
    text('/etc/machine-id'),
    text('/proc/sys/kernel/random/boot_id'),
    text('/etc/os-release'),
  ])
  return {
    cpus: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    storageBytes: disk ? disk.blocks * disk.bsize : 0,
    machineId: machineId || os.hostname(),
    bootId: bootId || randomUUID(),
    kernelVersion: os.release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(release)?.[1] ?? `${os.type()} ${os.release()}`,
    operatingSystem: systems[process.platform] ?? process.platform,
    architecture: architectures[process.arch] ?? process.arch,
  }
}
