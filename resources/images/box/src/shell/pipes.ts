import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface Pipe {
  /** Paused: nothing is read here before a child has it or `resume` is called. */
  reading: Socket
  writing: Socket
}

let server: Promise<{ server: Server; name: string }> | undefined
const accepted: ((socket: Socket) => void)[] = []

/** Two connected descriptors for children to have: Node offers none without a child. */
export async function openPipe(): Promise<Pipe> {
  server ??= listen()
  const { name } = await server
  // Connections are accepted in the order in which they are made.
  const reading = new Promise<Socket>((resolve) => accepted.push(resolve))
  const writing = connect({ path: name, allowHalfOpen: true })
  writing.on('error', () => {})
  await new Promise((resolve) => writing.once('connect', resolve))
  return { reading: await reading, writing }
}

async function listen(): Promise<{ server: Server; name: string }> {
  const unique = `wheelhouse-sh-${process.pid}-${Math.random().toString(36).slice(2)}`
  const names: Partial<Record<NodeJS.Platform, string>> = { linux: `\0${unique}`, win32: `\\\\.\\pipe\\${unique}` }
  const name = names[process.platform] ?? path.join(tmpdir(), unique)
  const made = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    accepted.shift()?.(socket)
  })
  await new Promise<void>((resolve) => made.listen(name, resolve))
  made.unref()
  return { server: made, name }
}

/** Everything until the last writer has closed. */
export async function readPipe(reading: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  reading.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => {
    reading.once('end', resolve)
    reading.once('close', resolve)
    reading.resume()
  })
  reading.destroy()
  return Buffer.concat(chunks)
}
