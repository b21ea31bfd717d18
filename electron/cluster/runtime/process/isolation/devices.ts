import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { run } from './programs.ts'

/** Of the machine, that containers have too. */
export const devices = ['null', 'zero', 'full', 'random', 'urandom', 'tty']

const links = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
  core: '/proc/kcore',
  ptmx: 'pts/ptmx',
}

/** Makes the places of devices in a root's /dev, and the links that belong there. */
export function makeDevices(root: string): void {
  for (const [name, target] of Object.entries(links)) symlinkSync(target, path.join(root, 'dev', name))
  for (const name of devices) writeFileSync(path.join(root, 'dev', name), '')
}

/**
 * A /dev to copy, with devices of its own: root of a container that has all users as they are may change whose a device
 * is, and that must not be the machine's. For root.
 */
export async function makeDeviceFolder(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  for (const name of ['', 'pts', 'shm']) mkdirSync(path.join(folder, name), { recursive: true, mode: 0o755 })
  for (const [name, target] of Object.entries(links)) symlinkSync(target, path.join(folder, name))
  await run('cp', ['-a', ...devices.map((name) => `/dev/${name}`), folder])
  for (const name of devices) {
    chownSync(path.join(folder, name), 0, 0)
    chmodSync(path.join(folder, name), 0o666)
  }
}

/**
 * Where containers' devices are mounted from. Root's get copies, which all share: who owns the machine's in a container
 * may take them from everybody. Others own none, and a file system that takes no devices leaves root no choice either.
 */
export async function openDevices(folder: string): Promise<{ folder: string; limits: string[] }> {
  if (process.getuid?.() !== 0) return { folder: '/dev', limits: [] }
  await makeDeviceFolder(folder)
  try {
    writeFileSync(path.join(folder, 'null'), '')
    return { folder, limits: [] }
  } catch {
    return {
      folder: '/dev',
      limits: [`Root in a container may change the machine's devices: there can be none in ${folder}.`],
    }
  }
}
