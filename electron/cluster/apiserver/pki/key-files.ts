import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Where keys and certificates are kept. */
export interface KeyFiles {
  /** For messages to people. */
  readonly place: string
  read(name: string): string | undefined
  /** Replaces the file as a whole: a crash leaves the old or the new content. */
  write(name: string, content: string): void
}

/** Files readable by their owner only. */
export function directoryKeyFiles(directory: string): KeyFiles {
  return {
    place: directory,
    read(name) {
      try {
        return readFileSync(path.join(directory, name), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    write(name, content) {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      writePrivateFile(path.join(directory, name), content)
    },
  }
}

/** Mode 0600 from the first byte, whatever was there before. */
export function writePrivateFile(file: string, content: string): void {
  const temporary = `${file}.${process.pid}.tmp`
  writeFileSync(temporary, content, { mode: 0o600 })
  chmodSync(temporary, 0o600)
  renameSync(temporary, file)
}

export function memoryKeyFiles(files = new Map<string, string>()): KeyFiles {
  return { place: 'memory', read: (name) => files.get(name), write: (name, content) => void files.set(name, content) }
}
