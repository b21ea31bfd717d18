import net from 'node:net'
import { once } from 'node:events'
import type { Socket } from 'node:net'

/** Two ends of a real connection on loopback. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const server = net.createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = net.connect({
    port: (server.address() as net.AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  await once(client, 'connect')
  const [far] = await accepted
  server.close()
  return [client, far]
}
