import { existsSync, readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { Failure } from '../failure.ts'

/** What a cluster makes in its data directory, and all that is ever removed from it. */
const ours = /^(pki|store|nodes|logs|kubeconfig|host\.json(\.new)?|LOCK(\.\d+)?)$/

/**
 * Removes a cluster's data. Only what a cluster made: a mistaken --data must not cost somebody's files. Throws Failure
 * when none of it is there but something else is, and when something is mounted below, whose files are not ours either.
 */
export async function forgetData(directory: string): Promise<void> {
  const names = existsSync(directory) ? await readdir(directory) : []
  const known = names.filter((name) => ours.test(name))
  if (names.length && !known.length)
    throw new Failure(
      'NotOurs',
      `${directory} does not look like a cluster’s data.`,
      'Remove it yourself if you mean to.',
    )
  const mounted = mountsBelow(directory)[0]
  if (mounted) throw new Failure('Mounted', `${mounted} is still mounted.`, 'Unmount it, then reset again.')
  await Promise.all(
    known.map((name) => rm(path.join(directory, name), { recursive: true, force: true, maxRetries: 3 })),
  )
}

function mountsBelow(directory: string): string[] {
  const table = '/proc/self/mountinfo'
  if (!existsSync(table)) return []
  return readFileSync(table, 'utf8')
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_all, code: string) => String.fromCharCode(parseInt(code, 8))),
    )
    .filter((point) => point.startsWith(directory + path.sep))
}
