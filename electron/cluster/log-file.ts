import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import path from 'node:path'

const largest = 16 * 1024 * 1024

/**
 * Appends lines to a file; past 16 MiB the file becomes `<file>.1` and a new one begins. What cannot be written is lost
 * and nothing else: a full disk must not end the program that wants to say so. How much was lost is said afterwards.
 */
export function openLogFile(file: string): { write(line: string): void } & Disposable {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  let handle = openSync(file, 'a', 0o600)
  let size = statSync(file).size
  let lost = 0
  const turnOver = () => {
    renameSync(file, `${file}.1`)
    closeSync(handle)
    handle = openSync(file, 'a', 0o600)
    size = 0
  }
  const append = (text: string) => {
    const bytes = Buffer.from(text)
    const written = writeSync(handle, bytes)
    size += written
    if (written < bytes.length) throw new Error('the disk is full')
  }
  return {
    write(line) {
      try {
        if (size > largest) turnOver()
        // The newline ends a line that came to the disk in part.
        if (lost)
          append(`\n${JSON.stringify({ level: 'warn', component: 'log', message: `${lost} lines were lost` })}\n`)
        lost = 0
        append(line)
      } catch {
        lost++
      }
    },
    [Symbol.dispose]: () => closeSync(handle),
  }
}
