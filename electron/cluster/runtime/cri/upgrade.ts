import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { SpdySession } from '../../base/spdy/session.ts'

/** Opens a connection to a URL of the runtime's streaming server, which is good for one. Rejects with what it says no with. */
export function openSession(url: string, protocol: string): Promise<SpdySession> {
  const { request } = url.startsWith('https:') ? https : http
  const sent = request(url, {
    method: 'POST',
    headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol },
    // The address came over the runtime's own socket; its certificate is one that it made itself.
    rejectUnauthorized: false,
  })
  return new Promise((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', (response) => {
      text(response)
        .then((said) => reject(new Error(said.trim() || `the runtime answered ${response.statusCode}`)))
        .catch(reject)
    })
    sent.on('upgrade', (_response, socket, head) => {
      if (head.length) socket.unshift(head)
      resolve(new SpdySession({ transport: socket, client: true, onStream: () => false }))
    })
    sent.end()
  })
}
