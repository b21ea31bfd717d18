import { readFileSync } from 'node:fs'
import https from 'node:https'
import { parse } from 'yaml'

export interface RawConfig {
  server: string
  /** PEM, all three. */
  authority: string
  certificate: string
  key: string
}

/** What one of our kubeconfigs holds. */
export function rawConfig(kubeconfig: string): RawConfig {
  const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8')) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }]
    users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }]
  }
  const { server, 'certificate-authority-data': authority } = clusters[0].cluster
  const { user } = users[0]
  const text = (data: string) => Buffer.from(data, 'base64').toString()
  return {
    server,
    authority: text(authority),
    certificate: text(user['client-certificate-data']),
    key: text(user['client-key-data']),
  }
}

export interface RawClient extends Disposable {
  /** Resolves with the answer's status and body; rejects when the connection fails before the whole answer is there. */
  request(method: string, path: string, body?: unknown): Promise<{ status: number; body: string }>
}

/** HTTPS without a client library: an answer counts only when all of it has arrived. */
export function rawClient(kubeconfig: string, connections: number): RawClient {
  const { server, authority, certificate, key } = rawConfig(kubeconfig)
  const agent = new https.Agent({ keepAlive: true, maxSockets: connections, ca: authority, cert: certificate, key })
  return {
    request: (method, path, body) =>
      new Promise((resolve, reject) => {
        const request = https.request(
          server + path,
          { method, agent, headers: { accept: 'application/json', 'content-type': 'application/json' } },
          (response) => {
            let text = ''
            response.setEncoding('utf8')
            response.on('data', (chunk: string) => (text += chunk))
            response.on('end', () =>
              response.complete
                ? resolve({ status: response.statusCode!, body: text })
                : reject(new Error('the answer broke off')),
            )
            response.on('error', reject)
          },
        )
        request.on('error', reject)
        request.end(body === undefined ? undefined : JSON.stringify(body))
      }),
    [Symbol.dispose]: () => agent.destroy(),
  }
}
