import { badRequest } from '#shared/kube/status.ts'

export interface ContinueToken {
  /** The revision of the first page; undefined: the newest, whatever it is by then. */
  revision: number | undefined
  /** The last key handed out, relative to the list's prefix. */
  after: string
}

/** Source: apiserver/pkg/storage/continue.go. `start` is the first key of the next page: the last one and a zero. */
export function encodeContinue({ revision, after }: ContinueToken): string {
  const token = JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision ?? -1, start: `${after}\u0000` })
  return Buffer.from(token).toString('base64url')
}

export function decodeContinue(text: string): ContinueToken {
  const refuse = (why: string) => badRequest(`invalid continue token: continue key is not valid: ${why}`)
  const bytes = Buffer.from(text, 'base64url')
  let token: { v?: unknown; rv?: unknown; start?: unknown }
  try {
    token = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as typeof token
  } catch {
    throw refuse(`invalid character ${quoteCharacter(bytes)} looking for beginning of value`)
  }
  if (token.v !== 'meta.k8s.io/v1')
    throw badRequest(
      `invalid continue token: continue key is not valid: server does not recognize this encoded version ${JSON.stringify(token.v ?? '')}`,
    )
  const { rv, start } = token
  if (typeof rv !== 'number' || rv === 0)
    throw badRequest(
      'invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
    )
  if (typeof start !== 'string' || start === '')
    throw badRequest(
      'invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)',
    )
  const after = start.endsWith('\u0000') ? start.slice(0, -1) : start
  if (after.split('/').includes('..'))
    throw badRequest('invalid continue token: continue key is not valid: invalid continue token')
  return { revision: rv < 0 ? undefined : rv, after }
}

/** The first byte as Go's JSON parser shows it. */
function quoteCharacter(bytes: Buffer): string {
  const first = bytes.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)
  if (first === undefined) return "''"
  if (first >= 0x20 && first < 0x7f) return `'${String.fromCharCode(first)}'`
  return first < 0x80 ? `'\\x${first.toString(16).padStart(2, '0')}'` : `'\\u${first.toString(16).padStart(4, '0')}'`
}
