import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Replaces a JSON file in one step. `lasting`: once it returns, the new content survives a crash of the machine too;
 * otherwise such a crash may leave a file that is not whole, which reads as absent.
 */
export function writeRecord(file: string, value: unknown, lasting: boolean): void {
  const draft = `${file}.new`
  const descriptor = openSync(draft, 'w', 0o600)
  try {
    writeFileSync(descriptor, JSON.stringify(value))
    if (lasting) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(draft, file)
  if (lasting && process.platform !== 'win32') syncDirectory(path.dirname(file))
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Undefined when the file is absent or not whole. */
export function readRecord<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T
  } catch {
    return undefined
  }
}
