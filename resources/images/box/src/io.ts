import { closeSync, openSync, readSync, writeSync } from 'node:fs'

/** Another end of a pipe is gone: programs end silently then. */
export class BrokenPipe extends Error {}

const idle = new Int32Array(new SharedArrayBuffer(4))
const code = (error: unknown) => (error as NodeJS.ErrnoException).code

/** A descriptor that others made non-blocking has nothing at the moment. */
const waitABit = () => Atomics.wait(idle, 0, 0, 2)

export function write(descriptor: number, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(descriptor, bytes, at)
    } catch (error) {
      if (code(error) === 'EAGAIN') waitABit()
      else if (code(error) === 'EPIPE' || code(error) === 'ECONNRESET') throw new BrokenPipe()
      else throw error
    }
  }
}

export const out = (text: string | Uint8Array): void => write(1, text)
export const complain = (text: string): void => write(2, `${text}\n`)

/** Zero at the end of the input. */
export function read(descriptor: number, buffer: Uint8Array, length = buffer.length): number {
  for (;;) {
    try {
      return readSync(descriptor, buffer, 0, length, null)
    } catch (error) {
      if (code(error) === 'EAGAIN') waitABit()
      else if (code(error) === 'EOF' || code(error) === 'EIO') return 0
      else throw error
    }
  }
}

export function* chunks(descriptor: number, size = 65536): Generator<Buffer> {
  for (;;) {
    const buffer = Buffer.allocUnsafe(size)
    const count = read(descriptor, buffer)
    if (count === 0) return
    yield buffer.subarray(0, count)
  }
}

export const readAll = (descriptor: number): Buffer => Buffer.concat([...chunks(descriptor)])

/** Lines without their newline, as they come. */
export function* lines(descriptor: number): Generator<string> {
  let rest: Buffer = Buffer.alloc(0)
  for (const chunk of chunks(descriptor)) {
    const data = rest.length ? Buffer.concat([rest, chunk]) : chunk
    let from = 0
    for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, from)) {
      yield data.toString('utf8', from, at)
      from = at + 1
    }
    rest = Buffer.from(data.subarray(from))
  }
  if (rest.length) yield rest.toString()
}

/** Opens each named file in turn, `-` and no name at all being the input; calls back with its descriptor. */
export function eachInput(
  program: string,
  names: readonly string[],
  use: (descriptor: number, name: string) => void,
): number {
  let status = 0
  for (const name of names.length ? names : ['-']) {
    if (name === '-' || name === '/dev/stdin') {
      use(0, name)
      continue
    }
    try {
      const descriptor = openSync(name, 'r')
      try {
        use(descriptor, name)
      } finally {
        closeSync(descriptor)
      }
    } catch (error) {
      if (error instanceof BrokenPipe || code(error) === undefined) throw error
      complain(`${program}: ${name}: ${reason(error)}`)
      status = 1
    }
  }
  return status
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  EISDIR: 'Is a directory',
  ENOTDIR: 'Not a directory',
  EEXIST: 'File exists',
  ENOTEMPTY: 'Directory not empty',
  EROFS: 'Read-only file system',
  EXDEV: 'Cross-device link',
  ESRCH: 'No such process',
  EBUSY: 'Resource busy',
  EINVAL: 'Invalid argument',
  ENOSPC: 'No space left on device',
  ELOOP: 'Too many levels of symbolic links',
  ECONNREFUSED: 'Connection refused',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENOTFOUND: 'Name or service not known',
  EAI_AGAIN: 'Temporary failure in name resolution',
}

/** What the C library would say. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return (code !== undefined && reasons[code]) || message
}
