import { createReadStream, realpathSync, statSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.ttf': 'font/ttf',
}

export const contentType = (file: string): string => types[path.extname(file)] ?? 'application/octet-stream'

/**
 * Scripts only from our own files. Monaco and xterm set inline styles, which cannot run code; nothing is fetched
 * from elsewhere. `connect` is what the channel needs.
 */
export const contentSecurityPolicy = (connect: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "manifest-src 'self'",
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/**
 * The file below `root` that a URL's path means, `index.html` for the pages of the app; undefined where there is none,
 * and for whatever leads out of the folder, links included.
 */
export function fileFor(root: string, pathname: string): string | undefined {
  let folder: string
  let file: string
  try {
    folder = realpathSync(root)
    file = path.join(folder, decodeURIComponent(pathname))
    if (path.extname(file) === '' && !isFile(file)) file = path.join(folder, 'index.html')
    file = realpathSync(file)
  } catch {
    // Not decodable, not a path, or not there.
    return undefined
  }
  return file.startsWith(folder + path.sep) && isFile(file) ? file : undefined
}

const isFile = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isFile() === true

/** Sends a file below `root`; 404 where there is none. */
export function sendFile(root: string, pathname: string, request: IncomingMessage, response: ServerResponse): void {
  const file = fileFor(root, pathname)
  if (!file) return void response.writeHead(404).end()
  const hashed = /-[\w-]{8}\.\w+$/.test(file)
  response.writeHead(200, {
    'content-type': contentType(file),
    'content-length': statSync(file).size,
    'cache-control': hashed ? 'private, max-age=31536000, immutable' : 'no-cache',
  })
  if (request.method === 'HEAD') return void response.end()
  createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response)
}
