import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'

export interface OutputPipe {
  /** For the child's stdio; close it once the child has it. */
  readonly descriptor: number
  readonly output: Readable
}

/**
 * Real pipes. Node gives a child socket pairs, and a socket cannot be opened again through /dev/stdout or
 * /proc/1/fd/1, which images do.
 */
export async function openPipes(prefix: string, count: number): Promise<OutputPipe[]> {
  const paths = Array.from({ length: count }, (_, index) => `${prefix}.${index}.pipe`)
  for (const path of paths) rmSync(path, { force: true })
  await promisify(execFile)('mkfifo', ['-m', '600', ...paths])
  return paths.map((path) => {
    // The reading end first: opening only the writing end of a pipe without a reader would block.
    const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const descriptor = openSync(path, constants.O_WRONLY)
    rmSync(path)
    return { descriptor, output: new Socket({ fd: reading, readable: true, writable: false }) }
  })
}

export const closePipe = (pipe: OutputPipe): void => closeSync(pipe.descriptor)
