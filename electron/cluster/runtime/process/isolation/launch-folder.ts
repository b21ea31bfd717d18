import { chmodSync, copyFileSync, mkdirSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { readRecord, writeRecord } from '../shim/records.ts'
import { librariesOf } from './programs.ts'

/** How to run one of the programs in a launch folder, wherever that is mounted. */
export const launched = (folder: string, program: string): string[] => [
  `${folder}/loader`,
  '--library-path',
  folder,
  `${folder}/${program}`,
]

/**
 * A folder with programs of the machine, their libraries and the loader. It is mounted where nothing else of the machine
 * is, and its programs run beside any C library, or none. It is kept while the programs stay what they are.
 */
export async function makeLaunchFolder(folder: string, programs: Readonly<Record<string, string>>): Promise<void> {
  const origin = Object.entries(programs).map(([name, file]) => {
    const { size, mtimeMs, ino } = statSync(file)
    return [name, file, size, mtimeMs, ino].join()
  })
  const originFile = path.join(folder, 'origin.json')
  if (readRecord<string[]>(originFile)?.join() === origin.join()) return
  const draft = `${folder}.new`
  for (const old of [draft, folder]) rmSync(old, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true, mode: 0o755 })
  const files = new Map(Object.entries(programs))
  for (const library of (await Promise.all(Object.values(programs).map(librariesOf))).flat()) {
    const name = path.basename(library)
    files.set(/^ld-(linux|musl)/.test(name) ? 'loader' : name, library)
  }
  for (const [name, file] of files) {
    copyFileSync(realpathSync(file), path.join(draft, name))
    chmodSync(path.join(draft, name), 0o755)
  }
  renameSync(draft, folder)
  writeRecord(originFile, origin, false)
}
