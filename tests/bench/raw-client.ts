import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { parse } from 'yaml'

export interface Target {
  host: string
  port: number
  ca: string
  cert?: string
  key?: string
}

/** Where a kubeconfig of ours leads. */
export function targetOf(kubeconfig: string): Target {
  const config = parse(readFileSync(kubeconfig, 'utf8')) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[]
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[]
  }
  const { cluster } = config.clusters[0]!
  const { user } = config.users[0]!
  const { hostname, port } = new URL(cluster.server)
  const text = (data: string) => Buffer.from(data, 'base64').toString()
  return {
    host: hostname,
    port: Number(port),
    ca: text(cluster['certificate-authority-data']),
    cert: text(user['client-certificate-data']),
    key: text(user['client-key-data']),
  }
}

export interface RawAnswer {
  status: number
  bytes: number
  body: Buffer
}

interface Waiting {
  resolve(answer: RawAnswer): void
  reject(error: Error): void
  onData: ((chunk: Buffer) => void) | undefined
}

/** One keep-alive HTTP/1.1 connection, one request at a time, as little work as possible: what is measured is the server. */
export class RawConnection implements Disposable {
  readonly #socket: tls.TLSSocket
  readonly #host: string
  #waiting: Waiting | undefined
  #head = ''
  #parts: Buffer[] = []
  #status = 0
  /** Bytes of the body (or of the chunk) still to come; -1 while the head is read. */
  #left = -1
  #chunked = false
  #bytes = 0
  #rest: Buffer = Buffer.alloc(0)

  private constructor(socket: tls.TLSSocket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
    socket.on('error', (error) => this.#fail(error))
  }

  static async open({ host, port, ca, cert, key }: Target): Promise<RawConnection> {
    const socket = tls.connect({ host, port, ca, ...(cert && key ? { cert, key } : {}), ALPNProtocols: ['http/1.1'] })
    socket.setNoDelay(true)
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    return new RawConnection(socket, `${host}:${port}`)
  }

  /** With `onData` the body is streamed and not kept: for watches. */
  request(
    method: string,
    path: string,
    {
      body,
      contentType = 'application/json',
      accept = 'application/json',
      onData,
    }: { body?: string; contentType?: string; accept?: string; onData?: (chunk: Buffer) => void } = {},
  ): Promise<RawAnswer> {
    const payload =
      body === undefined ? '' : `content-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, onData }
      this.#head = ''
      this.#parts = []
      this.#bytes = 0
      this.#left = -1
      this.#socket.write(
        `${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\naccept: ${accept}\r\nuser-agent: bench\r\n${payload}\r\n${body ?? ''}`,
      )
    })
  }

  [Symbol.dispose](): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }

  #read(chunk: Buffer): void {
    let data = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk
    this.#rest = Buffer.alloc(0)
    while (this.#waiting && data.length) {
      if (this.#left < 0) {
        const end = data.indexOf('\r\n\r\n')
        if (end < 0) break
        this.#head = data.toString('latin1', 0, end).toLowerCase()
        data = data.subarray(end + 4)
        this.#status = Number(this.#head.slice(9, 12))
        const length = /\r\ncontent-length: *(\d+)/.exec(this.#head)
        this.#chunked = !length
        this.#left = length ? Number(length[1]) : 0
        if (length && this.#left === 0) this.#done()
        continue
      }
      if (this.#chunked && this.#left === 0) {
        const end = data.indexOf('\r\n')
        if (end < 0) break
        const size = Number.parseInt(data.toString('latin1', 0, end), 16)
        if (size === 0) {
          if (data.length < end + 4) break
          data = data.subarray(end + 4)
          this.#done()
          continue
        }
        if (Number.isNaN(size)) {
          // The line end behind a chunk.
          data = data.subarray(end + 2)
          continue
        }
        data = data.subarray(end + 2)
        this.#left = size
        continue
      }
      const piece = data.subarray(0, this.#left)
      this.#take(piece)
      data = data.subarray(piece.length)
      this.#left -= piece.length
      if (this.#left === 0 && !this.#chunked) this.#done()
    }
    if (data.length) this.#rest = Buffer.from(data)
  }

  #take(piece: Buffer): void {
    this.#bytes += piece.length
    if (this.#waiting?.onData) this.#waiting.onData(piece)
    else this.#parts.push(piece)
  }

  #done(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#left = -1
    waiting?.resolve({
      status: this.#status,
      bytes: this.#bytes,
      body: this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts),
    })
  }
}
