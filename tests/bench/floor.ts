import { execFileSync } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Target } from './raw-client.ts'

/**
 * A bare Node HTTPS server in a process of its own: what TLS, HTTP and the loopback cost without any Kubernetes. `/small`
 * is 1 KB, `/large` as much as it was started with; `/event` sends a line of that length to everybody who has asked for
 * `/watch`.
 */
const program = `
const https = require('node:https'), fs = require('node:fs')
const small = Buffer.from(JSON.stringify({ kind: 'ConfigMap', data: { text: 'x'.repeat(900) } }))
const large = Buffer.alloc(Number(process.argv[2]), 120), line = Buffer.concat([large, Buffer.from('\\n')])
const watchers = new Set()
https.createServer({ key: fs.readFileSync(process.argv[3] + '/key.pem'), cert: fs.readFileSync(process.argv[3] + '/cert.pem') }, (request, response) => {
  const body = request.url === '/large' ? large : small
  request.resume()
  if (request.url === '/watch') {
    response.writeHead(200).flushHeaders()
    return void watchers.add(response)
  }
  if (request.url === '/event') for (const watcher of watchers) watcher.write(line)
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body))
}).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`

export async function startFloor(largeBytes: number): Promise<{ target: Target } & AsyncDisposable> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wheelhouse-floor-'))
  const files = ['-keyout', `${folder}/key.pem`, '-out', `${folder}/cert.pem`]
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      ...files,
    ],
    { stdio: 'ignore' },
  )
  const child = spawn(process.execPath, ['-e', program, '--', '-', String(largeBytes), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = await new Promise<number>((resolve) => child.stdout.once('data', (line) => resolve(Number(line))))
  return {
    target: { host: '127.0.0.1', port, ca: readFileSync(`${folder}/cert.pem`, 'utf8') },
    async [Symbol.asyncDispose]() {
      child.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
