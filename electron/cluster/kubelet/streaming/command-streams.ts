import type { Readable, Writable } from 'node:stream'
import type { Status } from '#shared/kube/status.ts'

export interface CommandOptions {
  stdin: boolean
  stdout: boolean
  stderr: boolean
  tty: boolean
}

export interface TerminalSize {
  width: number
  height: number
}

/** The client's end of exec or attach, whatever it speaks. */
export interface CommandStreams {
  readonly stdin?: Readable
  readonly stdout?: Writable
  readonly stderr?: Writable
  /** Calls back for every new size of the terminal. */
  onResize(callback: (size: TerminalSize) => void): void
  /** Tells the outcome, lets everything written reach the client, then closes. */
  finish(outcome: Status): Promise<void>
  /** Resolves when the client has gone. */
  readonly closed: Promise<void>
  destroy(): void
}

/** Resize messages are one JSON object after another, `{"Width":80,"Height":24}`, split anywhere. */
export function readSizes(from: Readable, callback: (size: TerminalSize) => void): void {
  let text = ''
  from.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
    for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
      const size = parseSize(text.slice(0, end + 1))
      text = text.slice(end + 1)
      if (size) callback(size)
    }
  })
}

function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: number; Height?: number }
    return Width && Height ? { width: Width, height: Height } : undefined
  } catch {
    return undefined
  }
}
