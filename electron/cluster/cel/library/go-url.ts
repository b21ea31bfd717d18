/** What Kubernetes reads from a URL. */
export interface GoUrl {
  readonly text: string
  readonly scheme: string
  readonly host: string
  readonly hostname: string
  readonly port: string
  /** Escaped. */
  readonly path: string
  readonly query: string
}

/** As Go's url.ParseRequestURI reads it: an absolute URL or an absolute path. Else its error text. */
export function parseRequestUri(text: string): GoUrl | string {
  const fail = (why: string) => `parse ${JSON.stringify(text)}: ${why}`
  if (text === '') return fail('empty url')
  // The bytes that Go refuses.
  if (/[\x00-\x1f\x7f]/.test(text)) return fail('net/url: invalid control character in URL')
  const [, scheme = '', rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?([^]*)$/.exec(text)!
  if (text.startsWith(':')) return fail('missing protocol scheme')
  const mark = rest.indexOf('?')
  const before = mark < 0 ? rest : rest.slice(0, mark)
  const query = mark < 0 ? '' : rest.slice(mark + 1)
  if (!before.startsWith('/')) {
    if (scheme && before !== '')
      return { text, scheme: scheme.toLowerCase(), host: '', hostname: '', port: '', path: '', query }
    return fail('invalid URI for request')
  }
  const authority = scheme && before.startsWith('//') ? /^\/\/([^/]*)/.exec(before)![1]! : undefined
  const path = authority === undefined ? before : before.slice(2 + authority.length)
  const badEscape = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(path)
  if (badEscape) return fail(`invalid URL escape ${JSON.stringify(badEscape[0])}`)
  const host = authority?.slice(authority.lastIndexOf('@') + 1) ?? ''
  if (/[ <>"\\^`{}|]/.test(host))
    return fail(`invalid character ${JSON.stringify(/[ <>"\\^`{}|]/.exec(host)![0])} in host name`)
  const port = /:(\d*)$/.exec(host.replace(/^\[[^\]]*\]/, ''))
  if (!port && host.replace(/^\[[^\]]*\]/, '').includes(':'))
    return fail(`invalid port ${JSON.stringify(host.slice(host.lastIndexOf(':')))} after host`)
  const hostname = (port ? host.slice(0, host.length - port[0].length) : host).replace(/^\[([^\]]*)\]$/, '$1')
  return { text, scheme: scheme.toLowerCase(), host, hostname, port: port?.[1] ?? '', path: escapePath(path), query }
}

const escapePath = (path: string) =>
  path.replaceAll(/[^A-Za-z0-9\-_.~$&+,/:;=@%!'()*[\]]/gu, (char) => encodeURIComponent(char))
