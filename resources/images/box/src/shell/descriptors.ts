import { closeSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { read, write } from '../io.ts'
import { openPipe, type Pipe } from './pipes.ts'

/** A here-document: what is left of it. */
export interface Text {
  bytes: Buffer
}

/** Collects what builtins write inside `$( )`. */
export interface Sink {
  chunks: Buffer[]
}

export type Descriptor = number | Socket | Text | Sink

/**
 * Which file each of the shell's descriptors means. Node cannot duplicate a descriptor over another, so redirections
 * change this table, and children get what it says as their own.
 */
export class Descriptors {
  #table = new Map<number, Descriptor>([
    [0, 0],
    [1, 1],
    [2, 2],
  ])

  get(number: number): Descriptor | undefined {
    return this.#table.get(number)
  }

  set(number: number, descriptor: Descriptor | undefined): void {
    if (descriptor === undefined) this.#table.delete(number)
    else this.#table.set(number, descriptor)
  }

  snapshot(): Map<number, Descriptor> {
    return new Map(this.#table)
  }

  restore(table: Map<number, Descriptor>): void {
    this.#table = table
  }

  /** The shell's first three are the process's own: a program may take its place. */
  get untouched(): boolean {
    return this.#table.size === 3 && [0, 1, 2].every((number) => this.#table.get(number) === number)
  }

  write(number: number, text: string | Buffer): void {
    const descriptor = this.#table.get(number)
    if (typeof descriptor === 'number') write(descriptor, text)
    else if (descriptor && 'chunks' in descriptor) descriptor.chunks.push(Buffer.from(text))
    else throw Object.assign(new Error('Bad file descriptor'), { code: 'EBADF' })
  }

  /** A child's stdio, and what to do once it has been started: here-documents become pipes. */
  async forChild(): Promise<{ stdio: ('ignore' | number | Socket)[]; started: () => void }> {
    const stdio: ('ignore' | number | Socket)[] = Array.from(
      { length: Math.max(...this.#table.keys(), 2) + 1 },
      () => 'ignore',
    )
    const texts: { pipe: Pipe; text: Text }[] = []
    for (const [number, descriptor] of this.#table) {
      if (typeof descriptor === 'number' || descriptor instanceof Socket) stdio[number] = descriptor
      else if ('bytes' in descriptor) {
        const pipe = await openPipe()
        stdio[number] = pipe.reading
        texts.push({ pipe, text: descriptor })
      }
    }
    const started = () => {
      for (const { pipe, text } of texts) {
        pipe.reading.destroy()
        pipe.writing.end(text.bytes)
        text.bytes = Buffer.alloc(0)
      }
    }
    return { stdio, started }
  }
}

/** Opens a file for a redirection. */
export function openFor(operator: '<' | '>' | '>>' | '<>', file: string): number {
  const flags = { '<': 'r', '>': 'w', '>>': 'a', '<>': 'r+' } as const
  return openSync(file, flags[operator], 0o666)
}

export const close = (descriptor: number): void => closeSync(descriptor)

const one = Buffer.alloc(1)

/** The next byte without taking more than that, so that a program started later finds the rest; -1 at the end. */
export function readByte(descriptor: Descriptor): number {
  if (typeof descriptor === 'number') return read(descriptor, one, 1) ? one[0]! : -1
  if (!('bytes' in descriptor) || !descriptor.bytes.length) return -1
  const byte = descriptor.bytes[0]!
  descriptor.bytes = descriptor.bytes.subarray(1)
  return byte
}
