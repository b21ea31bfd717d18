import { existsSync } from 'node:fs'
import { run } from './isolation/programs.ts'
import { sharedMemoryOptions } from './isolation/unshare-script.ts'

/** What the containers of a pod share as /dev/shm is mounted on this folder before the pod's shim begins. */
export const memoryLauncher = (memory: string): string[] => {
  const mount = `mount -t tmpfs -o ${sharedMemoryOptions} tmpfs "$0" && exec "$@"`
  return ['unshare', '--ipc', '--', '/bin/sh', '-c', mount, memory]
}

/** What takes it away: a shim does so when it ends. */
export const releaseCommands = (memory: string): [file: string, ...args: string[]][] => [
  ['umount', '-l', memory],
  ['rmdir', memory],
]

/** The same after a shim that was killed. */
export async function releaseMemory(memory: string | undefined): Promise<void> {
  if (!memory || !existsSync(memory)) return
  for (const [file, ...args] of releaseCommands(memory)) await run(file, args).catch(() => {})
}
