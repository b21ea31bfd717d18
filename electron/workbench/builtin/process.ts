import { spawn, type ChildProcess } from 'node:child_process'

export interface Ready {
  server: string
  kubeconfig: string
  pid: number
}

/** What the cluster's process says over its IPC channel. */
type Message = ({ event: 'ready' } & Ready) | { event: 'failed'; message: string; cure?: string }

export interface Ending {
  /** Such as `code 1` or `SIGKILL`. */
  reason: string
  /** What it said itself before it gave up. */
  told: { message: string; cure?: string } | undefined
  livedMs: number
  /** The last line on its stderr. */
  lastWords: string
}

/** It stops within 2 s, on a busy machine later: a kill would cost it what it still has to write and to clean up. */
const patience = 20_000

/**
 * One run of the cluster's process. The IPC channel is also its lifeline: when this process dies, the cluster sees it
 * close and stops.
 */
export class ClusterProcess {
  /** Resolves once the process is gone; never rejects. */
  readonly gone: Promise<Ending>
  /** It was asked to end. */
  ending = false
  #child: ChildProcess
  #told: Ending['told']
  #onReady: (ready: Ready) => void = () => {}

  constructor(nodeBinary: string, args: readonly string[]) {
    const began = performance.now()
    const child = spawn(nodeBinary, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], windowsHide: true })
    this.#child = child
    let words = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text)
      words = (words + text).slice(-2000)
    })
    child.on('message', (message: Message) => {
      if (message.event === 'ready') return this.#onReady(message)
      this.#told = { message: message.message, ...(message.cure ? { cure: message.cure } : {}) }
      // It has nothing left to do, but what it opened may keep it from ending.
      void this.end()
    })
    this.gone = new Promise((resolve) => {
      const end = (reason: string) => {
        const lastWords = words.trimEnd().split('\n').at(-1) ?? ''
        resolve({ reason, told: this.#told, livedMs: performance.now() - began, lastWords: lastWords.slice(0, 300) })
      }
      // An error of kill or send says nothing about the process: without a pid it never was one.
      child.on('error', (error) => {
        if (child.pid !== undefined) return
        this.#told ??= {
          message: `The cluster could not be started: ${error.message}.`,
          cure: 'Check the installation.',
        }
        end('not started')
      })
      // `close` does not come once the channel is disconnected. The last words may still be on their way.
      child.on('exit', (code, signal) => {
        const conclude = () => end(signal ?? `code ${code}`)
        if (!child.stderr || child.stderr.closed) return conclude()
        child.stderr.once('close', conclude)
        setTimeout(conclude, 500).unref()
      })
    })
  }

  onReady(callback: (ready: Ready) => void): void {
    this.#onReady = callback
  }

  /** Asks the process to stop, ends it when it does not, and waits until it is gone. */
  async end(): Promise<void> {
    if (!this.ending) {
      this.ending = true
      // Windows has no SIGTERM: there the end of the channel is the word.
      if (process.platform === 'win32') {
        if (this.#child.connected) this.#child.disconnect()
      } else this.#child.kill('SIGTERM')
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), patience)
      void this.gone.then(() => clearTimeout(killer))
    }
    await this.gone
  }
}
