import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { directoryKeyFiles } from '../apiserver/pki/key-files.ts'
import { ClusterFailure } from '../failure.ts'
import { readSnapshot } from './file.ts'
import { pendingName } from './seed.ts'

/**
 * Makes a data directory from a snapshot, from which `up` then starts the same cluster, with any store. All or nothing:
 * the file is checked first, and the directory appears under its name when it is complete. Throws ClusterFailure.
 */
export function restoreSnapshot(file: string, dataDirectory: string): { revision: number; entries: number } {
  const { keys, host, revision, entries } = readSnapshot(file)
  refuseOccupied(dataDirectory)
  const making = `${dataDirectory}.restoring-${process.pid}`
  try {
    mkdirSync(making, { recursive: true, mode: 0o700 })
    const files = directoryKeyFiles(path.join(making, 'pki'))
    for (const [name, content] of Object.entries(keys)) files.write(name, content)
    writeFileSync(path.join(making, 'host.json'), JSON.stringify(host))
    copyFileSync(file, path.join(making, pendingName))
    if (existsSync(dataDirectory)) rmdirSync(dataDirectory)
    renameSync(making, dataDirectory)
  } catch (error) {
    rmSync(making, { recursive: true, force: true })
    throw new ClusterFailure(
      `The data directory ${dataDirectory} cannot be made: ${(error as Error).message}.`,
      'Give yourself the right to write there, or choose another with --data.',
      error,
    )
  }
  return { revision, entries: entries.length }
}

function refuseOccupied(directory: string): void {
  if (!existsSync(directory)) return
  if (statSync(directory).isDirectory() && readdirSync(directory).length === 0) return
  throw new ClusterFailure(
    `${directory} is not empty: a snapshot is never restored over anything.`,
    'Choose another directory with --data, or move that one away.',
  )
}
