import type { IncomingMessage } from 'node:http'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Upgrade } from '../transport/exchange.ts'

/** Who names none of them is sent bytes as well. */
const protocols = ['binary.k8s.io', 'base64.binary.k8s.io'] as const

export const isWebSocket = ({ exchange }: Upgrade): boolean => exchange.header('upgrade')?.toLowerCase() === 'websocket'

/** Sends a stream as messages, after one that is empty, no faster than the client reads. Source: wsstream's Reader. */
export function sendOverWebSocket(upgrade: Upgrade, stream: IncomingMessage): void {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 1024,
    handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  })
  const { exchange, socket, head, rawHeaders } = upgrade
  const headers = Object.fromEntries(
    rawHeaders.flatMap((name, i) => (i % 2 ? [] : [[name.toLowerCase(), rawHeaders[i + 1]!]])),
  )
  // All that is looked at.
  const request = { method: exchange.method, url: exchange.target, headers } as unknown as IncomingMessage
  server.handleUpgrade(request, socket, head, (client) => {
    client.on('error', () => client.terminate())
    client.once('close', () => stream.destroy())
    void copy(stream, client).then(
      () => client.close(1000),
      () => client.terminate(),
    )
  })
}

async function copy(stream: AsyncIterable<Buffer>, client: WebSocket): Promise<void> {
  const encoded = client.protocol === 'base64.binary.k8s.io'
  const send = (data: Buffer) =>
    new Promise<void>((resolve, reject) =>
      client.send(encoded ? data.toString('base64') : data, (error) => (error ? reject(error) : resolve())),
    )
  await send(Buffer.alloc(0))
  for await (const chunk of stream) await send(chunk)
}
