import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { protocol } from 'electron'
import { contentSecurityPolicy, contentType, fileFor } from '../workbench/serve/static-files.ts'

const scheme = 'wheelhouse'
const host = 'app'
export const startPage = `${scheme}://${host}/index.html`

/** Whether an address is a page of ours. */
export function isOurs(address: string): boolean {
  const url = URL.parse(address)
  return url?.protocol === `${scheme}:` && url.host === host
}

/** The UI's files under an origin of their own, so that the page has no access to file://. */
export const serveRenderer = {
  /** Before the app is ready. */
  declare(): void {
    protocol.registerSchemesAsPrivileged([
      { scheme, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
    ])
  },

  handle(root = path.join(import.meta.dirname, '..', 'renderer')): void {
    protocol.handle(scheme, async ({ url }) => {
      const file = isOurs(url) ? fileFor(root, new URL(url).pathname) : undefined
      if (!file) return new Response('not found', { status: 404 })
      return new Response(await readFile(file), {
        headers: {
          'content-type': contentType(file),
          'content-security-policy': contentSecurityPolicy("'self'"),
          'x-content-type-options': 'nosniff',
        },
      })
    })
  },
}
