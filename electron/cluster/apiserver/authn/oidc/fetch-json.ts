import { request } from 'node:https'

const mostBytes = 1024 * 1024
const timeout = 30_000

/** GETs a JSON document over HTTPS. `authority`: PEM that the server must be signed by; '' for the system's. */
export function fetchJson(url: string, authority: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { timeout, ...(authority ? { ca: authority } : {}) }, (answer) => {
      const chunks: Buffer[] = []
      let size = 0
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size > mostBytes) asking.destroy(new Error(`${url} answers with more than ${mostBytes} bytes`))
      })
      answer.once('error', reject)
      answer.once('end', () => {
        if (answer.statusCode !== 200) return reject(new Error(`${url} answers with ${answer.statusCode}`))
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString()))
        } catch {
          reject(new Error(`${url} answers with no JSON`))
        }
      })
    })
    asking.once('timeout', () => asking.destroy(new Error(`${url} does not answer`)))
    asking.once('error', reject)
    asking.end()
  })
}
