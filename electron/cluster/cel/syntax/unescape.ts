const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
}

/** The value of a string or bytes literal as written. In bytes, \x and octal escapes are bytes; in strings, code points. */
export function unescape(literal: string): { bytes: boolean; value: string | Uint8Array } {
  const [, prefix = '', rest = ''] = /^([bBrR]*)([^]*)$/.exec(literal)!
  const bytes = /b/i.test(prefix)
  const quotes = /^("""|''')/.test(rest) ? 3 : 1
  const body = rest.slice(quotes, -quotes).replaceAll('\r\n', '\n').replaceAll('\r', '\n')
  if (/r/i.test(prefix)) return { bytes, value: bytes ? new TextEncoder().encode(body) : body }
  return bytes ? { bytes, value: bytesOf(body) } : { bytes, value: body.replace(escapes, (all) => decode(all)) }
}

const escapes = /\\(?:[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|[^]|$)/g

function decode(escape: string): string {
  const kind = escape[1] ?? ''
  if (/^[xXuU]$/.test(kind) && escape.length > 2) return fromCodePoint(Number.parseInt(escape.slice(2), 16))
  if (/^[0-3]$/.test(kind) && escape.length === 4) return fromCodePoint(Number.parseInt(escape.slice(1), 8))
  const known = simple[kind]
  if (known === undefined) throw new Error('unable to unescape string')
  return known
}

function fromCodePoint(code: number): string {
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw new Error('invalid unicode code point')
  return String.fromCodePoint(code)
}

function bytesOf(body: string): Uint8Array {
  const parts: Uint8Array[] = []
  let from = 0
  for (const { 0: escape, index } of body.matchAll(escapes)) {
    parts.push(new TextEncoder().encode(body.slice(from, index)))
    if (/^\\[uU]/.test(escape)) throw new Error('unable to unescape string')
    parts.push(Uint8Array.of(decode(escape).codePointAt(0)!))
    from = index + escape.length
  }
  parts.push(new TextEncoder().encode(body.slice(from)))
  return Uint8Array.from(Buffer.concat(parts))
}
