import type { Socket } from 'node:net'
import type { Place } from '../api.ts'

/** The preload's lines on the report socket (resources/images/preload): this program listens, or wants to connect. */
type Line =
  | { sandbox: string; containerPort: number; hostPort: number; loopback?: boolean }
  | { sandbox: string; question: number; ip: string; port: number }

interface Report {
  hostPort: number
  /** The program listens for its own pod only. */
  loopback: boolean
  reporter: Socket
}

const host = '127.0.0.1'

/** Which ports of the machine stand for which ports of pods, as their programs report it. */
export class PortReports {
  /** By `sandbox:port`. A report holds while its connection does. */
  readonly #ports = new Map<string, Report>()
  readonly #reporters = new Set<Socket>()
  readonly #whereIs: (sandboxId: string, ip: string, port: number) => Place | 'refused' | undefined

  constructor(whereIs: (sandboxId: string, ip: string, port: number) => Place | 'refused' | undefined) {
    this.#whereIs = whereIs
  }

  /** Takes a connection to a program of a pod. */
  readonly accept = (reporter: Socket): void => {
    this.#reporters.add(reporter)
    let rest = ''
    reporter.setEncoding('utf8')
    reporter.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.#take(line, reporter)
    })
    reporter.on('error', () => {})
    reporter.on('close', () => {
      this.#reporters.delete(reporter)
      for (const [key, port] of this.#ports) if (port.reporter === reporter) this.#ports.delete(key)
    })
  }

  /** For others than the pod itself. */
  outer(sandboxId: string, port: number): Place | undefined {
    const found = this.#ports.get(`${sandboxId}:${port}`)
    return found && !found.loopback ? { host, port: found.hostPort } : undefined
  }

  /** For the pod itself, on its loopback. */
  inner(sandboxId: string, port: number): Place | undefined {
    const found = this.#ports.get(`${sandboxId}:${port}`)
    return found && { host, port: found.hostPort }
  }

  close(): void {
    for (const reporter of this.#reporters) reporter.destroy()
  }

  /** Whoever writes nonsense is a program of a pod, and harms itself only. */
  #take(text: string, reporter: Socket): void {
    let line: Line
    try {
      line = JSON.parse(text) as Line
    } catch {
      reporter.destroy()
      return
    }
    if ('question' in line) {
      const place = this.#whereIs(line.sandbox, line.ip, line.port)
      const answer = place === 'refused' ? { refused: true } : place
      reporter.write(`${JSON.stringify({ question: line.question, ...answer })}\n`)
    } else {
      const { sandbox, containerPort, hostPort, loopback = false } = line
      this.#ports.set(`${sandbox}:${containerPort}`, { hostPort, loopback, reporter })
    }
  }
}
