import type { Duplex } from 'node:stream'

/**
 * What the driver and a pod's shim say to each other. A connection is a sequence of frames:
 * length of the payload (4 bytes, big endian), type (1 byte), payload. Its first frame is an `Opening`.
 */
export const frame = { json: 0, stdin: 1, stdout: 2, stderr: 3, stdinEnd: 4 } as const

/** A program to run: everything about isolation is already in its argv. */
export interface Program {
  argv: readonly string[]
  /** The whole environment: nothing is inherited. */
  env: Readonly<Record<string, string>>
  cwd: string
  tty: boolean
  stdin: boolean
}

/**
 * A program that has this variable gets the shim's pid in it, and ends itself when the shim is gone: the guard where no
 * pid namespace is one.
 */
export const shimVariable = 'WHEELHOUSE_SHIM'

export interface ContainerStart {
  id: string
  program: Program
  stdinOnce: boolean
  logPath: string
  stopSignal: string
  /** When the program is a launcher: the shim signals the process that its status names, and not the launcher. */
  status?: LauncherStatus
  /** The container is not in a pid namespace of its own: when it ends, the rest of its process group and control groups does too. */
  group: boolean
  /** A file that counts `oom_kill` (cgroup memory.oom_control or memory.events). */
  oomFile?: string
  /** Directories of control groups, removed when no agent is left to do it. */
  cgroups: readonly string[]
}

/** How a launcher tells what became of the container's first process. */
export interface LauncherStatus {
  /** JSON documents, one a line, in bubblewrap's words: `child-pid`, `exit-code`. */
  file: string
  /** Programs that the first process is before it is the container's own; compared as files. */
  launchers: readonly string[]
  /** The exit code is among the documents, and there is none when the program could not be started; else it is the launcher's. */
  tellsExit: boolean
  /** The pid namespace that `child-pid` is a number in, as a path; absent: the shim's. */
  processes?: string
}

/** What is written down about a container, and survives its shim. */
export interface ContainerRun {
  id: string
  state: 'running' | 'exited'
  /** Of the container's first process, as the host sees it. */
  pid: number
  startedAt: number
  finishedAt: number
  exitCode: number
  signal?: number
  reason: string
  message: string
}

/** How the driver starts a shim: a JSON file named by its only argument. */
export interface ShimConfig {
  socket: string
  /** Where `<container>.run.json` files are kept. */
  directory: string
  /** Empty: none. */
  lifeline: string
  /** Programs that free what the pod holds on the host, run when the cluster is gone. */
  reap: readonly (readonly string[])[]
  /** Directories of the pod's control groups, which go last. */
  groups: readonly string[]
}

export type Opening =
  | { op: 'control' }
  | { op: 'exec'; program: Program; cgroups: readonly string[] }
  | { op: 'attach'; id: string; stdin: boolean }

export type Request =
  | { op: 'start'; start: ContainerStart }
  | { op: 'stop'; id: string; graceMs: number }
  | { op: 'forget'; id: string }
  /** Runs a program as long as the pod lives; answers with its pid. */
  | { op: 'hold'; argv: readonly string[] }
  | { op: 'status' }
  | { op: 'shutdown' }

/** Driver to shim on a control connection; answered by a `reply` of the same number. */
export interface Numbered {
  number: number
  request: Request
}

/** Shim to driver on a control connection. */
export type Report = { reply: number; result?: unknown; error?: string } | { changed: ContainerRun }

/** Shim to driver on a stream connection; driver to shim: `resize` only. */
export type StreamMessage = { exitCode: number } | { error: string } | { resize: [columns: number, rows: number] }

const headerBytes = 5

export function writeFrame(stream: Duplex, type: number, payload: Uint8Array): boolean {
  const header = Buffer.allocUnsafe(headerBytes)
  header.writeUInt32BE(payload.length, 0)
  header[4] = type
  if (payload.length === 0) return stream.write(header)
  stream.cork()
  stream.write(header)
  const free = stream.write(payload)
  stream.uncork()
  return free
}

export const writeJson = (stream: Duplex, message: unknown): boolean =>
  writeFrame(stream, frame.json, Buffer.from(JSON.stringify(message)))

/** Calls back once per whole frame; the payload is only valid during the call when it lies inside a chunk. */
export function readFrames(stream: Duplex, onFrame: (type: number, payload: Buffer) => void): void {
  let held: Buffer[] = []
  let size = 0
  let wanted = headerBytes
  stream.on('data', (chunk: Buffer) => {
    held.push(chunk)
    size += chunk.length
    if (size < wanted) return
    let buffer = held.length === 1 ? chunk : Buffer.concat(held, size)
    for (;;) {
      if (buffer.length < headerBytes) {
        wanted = headerBytes
        break
      }
      const end = headerBytes + buffer.readUInt32BE(0)
      if (buffer.length < end) {
        wanted = end
        break
      }
      const type = buffer[4]!
      const payload = buffer.subarray(headerBytes, end)
      buffer = buffer.subarray(end)
      onFrame(type, payload)
    }
    held = buffer.length ? [buffer] : []
    size = buffer.length
  })
}
