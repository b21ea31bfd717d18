import { pipeline } from 'node:stream/promises'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { SpdySession } from '../../base/spdy/session.ts'
import type { SpdyStream } from '../../base/spdy/stream.ts'
import { PortError } from '../../runtime/api.ts'
import { ChannelSocket } from './websocket/channels.ts'
import type { ChannelProtocol } from './websocket/protocols.ts'

export const portForwardProtocol = 'portforward.k8s.io'

export interface PortForwardDeps {
  /** Connects to a port of the pod; rejects with a sentence for the client. */
  dial(port: number): Promise<Duplex>
  /** Namespace, name and uid, for messages. */
  pod: string
  clock: Clock
  logger: Logger
}

/** A pair of streams that is still incomplete after this long is given up (kubelet's stream creation timeout). */
const pairTimeout = 30_000

interface Pair {
  data?: SpdyStream
  error?: SpdyStream
  forget: () => void
}

/** Port-forward over SPDY: every connection is a data and an error stream that name the same requestID. */
export async function portForwardOverSpdy(transport: Duplex, deps: PortForwardDeps): Promise<void> {
  const pairs = new Map<string, Pair>()
  const session = new SpdySession({
    transport,
    onStream(stream) {
      const { streamtype, port } = stream.headers
      const number = Number(port)
      if ((streamtype !== 'data' && streamtype !== 'error') || !(number > 0 && number < 65_536)) return false
      // Clients of old give no request ids, but open the error stream right before the data stream.
      const id = stream.headers.requestid ?? String(streamtype === 'error' ? stream.id : stream.id - 2)
      const pair = pairs.get(id) ?? openPair(id)
      if (pair[streamtype]) return false
      pair[streamtype] = stream
      if (pair.data && pair.error) {
        pair.forget()
        void forward(pair.data, pair.error, number, deps)
      }
      return true
    },
  })

  function openPair(id: string): Pair {
    const cancel = deps.clock.after(pairTimeout, () => {
      pairs.delete(id)
      pair.data?.reset()
      pair.error?.reset()
    })
    const pair: Pair = {
      forget() {
        cancel()
        pairs.delete(id)
      },
    }
    pairs.set(id, pair)
    return pair
  }

  await session.closed
  for (const pair of pairs.values()) pair.forget()
}

/** Port-forward over WebSocket channels: two per port, data and error, each begun by the port as two bytes. */
export async function portForwardOverWebSocket(
  socket: WebSocket,
  protocol: ChannelProtocol,
  ports: readonly number[],
  deps: PortForwardDeps,
): Promise<void> {
  const channels = new ChannelSocket(socket, protocol, ports.length * 2)
  const forwards = ports.map(async (port, index) => {
    const [data, error] = [channels.channel(index * 2), channels.channel(index * 2 + 1)]
    const prefix = Buffer.alloc(2)
    prefix.writeUInt16LE(port)
    data.write(prefix)
    error.write(prefix)
    await forward(data, error, port, deps)
  })
  await Promise.race([Promise.all(forwards), channels.closed])
  await channels.close()
}

async function forward(data: Duplex, error: Duplex, port: number, deps: PortForwardDeps): Promise<void> {
  error.resume()
  const refuse = async (failure: Error) => {
    const said = failure instanceof PortError ? '' : `error forwarding port ${port} to pod ${deps.pod}: `
    const message = said + failure.message
    deps.logger.debug(message)
    data.resume()
    await Promise.all([ended(error, Buffer.from(message)), ended(data)])
  }
  let connection: Duplex
  try {
    connection = await deps.dial(port)
  } catch (failure) {
    return refuse(failure as Error)
  }
  let refused: Error | undefined
  connection.once('error', (failure) => {
    if (failure instanceof PortError) refused = failure
  })
  // Each direction ends by itself: a client that has sent its request may still read the answer.
  const up = pipeline(data, connection).catch(() => connection.destroy())
  const down = pipeline(connection, data).catch(() => data.destroy())
  await Promise.all([up, down])
  connection.destroy()
  await (refused ? refuse(refused) : ended(error))
}

function ended(stream: Duplex, last?: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) return resolve()
    stream.once('close', () => resolve())
    stream.end(last, () => resolve())
  })
}
