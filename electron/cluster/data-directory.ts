import { accessSync, constants, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { acquireLock, LockHeldError } from './base/lock-file.ts'
import { ClusterFailure } from './failure.ts'
import type { ClusterOptions } from './options.ts'

/** What a cluster remembers of its host from one start to the next. */
export interface Remembered {
  /** Port of the API server. */
  port?: number
  /** Range of the pods' addresses. */
  podCidr?: string
  /** Where its objects were. */
  store?: ClusterOptions['store']
}

/** The folder that holds everything of one cluster, locked against a second one. */
export interface DataDirectory extends Disposable {
  readonly path: string
  file(...names: string[]): string
  remembered(): Remembered
  remember(change: Remembered): void
}

/** Makes the folder where it is absent, and locks it. Throws ClusterFailure. */
export function openDataDirectory(directory: string): DataDirectory {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    if (!statSync(directory).isDirectory()) throw Object.assign(new Error('it is not a folder'), { code: 'ENOTDIR' })
    accessSync(directory, constants.W_OK)
  } catch (error) {
    throw new ClusterFailure(
      `The data directory ${directory} cannot be written: ${(error as Error).message}.`,
      'Give yourself the right to write there, or choose another with --data.',
      error,
    )
  }
  const lock = takeLock(directory)
  const file = (...names: string[]) => path.join(directory, ...names)
  const hostFile = file('host.json')
  const remembered = () => readRemembered(directory)
  return {
    path: directory,
    file,
    remembered,
    remember(change) {
      writeFileSync(`${hostFile}.new`, JSON.stringify({ ...remembered(), ...change }))
      renameSync(`${hostFile}.new`, hostFile)
    },
    [Symbol.dispose]: () => lock[Symbol.dispose](),
  }
}

/** What the cluster in a directory remembers, whether it runs or not. */
export function readRemembered(directory: string): Remembered {
  try {
    return JSON.parse(readFileSync(path.join(directory, 'host.json'), 'utf8')) as Remembered
  } catch {
    // Only conveniences are in it: a damaged one costs the old port.
    return {}
  }
}

function takeLock(directory: string): Disposable {
  try {
    return acquireLock(path.join(directory, 'LOCK'))
  } catch (error) {
    if (error instanceof LockHeldError)
      throw new ClusterFailure(
        `The data directory ${directory} is in use by process ${error.pid}.`,
        'Use that cluster, stop it first, or choose another directory with --data.',
        error,
      )
    throw new ClusterFailure(
      `The data directory ${directory} cannot be locked: ${(error as Error).message}.`,
      'Give yourself the right to write there, or choose another with --data.',
      error,
    )
  }
}
