import { spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { relayStream } from '../relay.ts'

export interface LoopbackDeps {
  nodeBinary: string
  /** The bundled shim, which relays. */
  shimEntry: string
}

/** A connection to a port that is listened on in the network of a process, on the loopback only. Linux, as root. */
export function dialLoopback(pid: number, port: number, { nodeBinary, shimEntry }: LoopbackDeps): Promise<Duplex> {
  const child = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, '--', nodeBinary, shimEntry, '--dial', String(port)], {
    env: { PATH: process.env['PATH'] ?? '' },
  })
  child.on('error', (error) => child.stderr.push(error.message))
  child.stdin.on('error', () => {})
  return relayStream({
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    [Symbol.asyncDispose]: async () => void child.kill('SIGKILL'),
  })
}
