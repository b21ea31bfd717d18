import { gunzipSync, inflateRawSync } from 'node:zlib'

/** Where a page is asked for through a proxy. */
export interface ProxiedPage {
  /** What paths of the backend have before them here, without a slash at the end. */
  readonly prefix: string
  /** `host:port` of the backend. */
  readonly backend: string
  /** The host that the client asked. */
  readonly asked: string | undefined
}

/** Attributes that are URLs, by the name of the element. */
const linking: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['formaction', 'src', 'usemap'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
}

const names = [...new Set(Object.values(linking).flat())].join('|')
// Both take time in proportion to the page, whatever is in it.
const markup = /<!--|<([a-z][a-z0-9]*)(?=[\s/>])((?:[^<>"']|"[^"]*"|'[^']*')*)>/gi
const attribute = new RegExp(
  String.raw`"[^"]*"|'[^']*'|(?<![^\s/])(${names})(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'<>]+)`,
  'gi',
)
/** What is in these is no markup. */
const raw = /^(?:iframe|noembed|noframes|noscript|script|style|textarea|title|xmp)$/i

/**
 * The page with its absolute links to the backend leading through the proxy. Bytes count, not characters: `html` is read
 * as latin1. Source: rewriteHTML in apimachinery/pkg/util/proxy/transport.go.
 */
export function withLinksThrough(html: string, page: ProxiedPage): string {
  const done: string[] = []
  let from = 0
  markup.lastIndex = 0
  for (let tag = markup.exec(html); tag; tag = markup.exec(html)) {
    const [, name, list] = tag
    if (name !== undefined) {
      done.push(html.slice(from, tag.index), `<${name}${withLinks(name, list!, page)}>`)
      from = markup.lastIndex
    }
    const end = name === undefined ? /-->/g : raw.test(name) ? new RegExp(`</${name}`, 'gi') : undefined
    if (end) markup.lastIndex = endOf(end, html, markup.lastIndex)
  }
  return done.join('') + html.slice(from)
}

function endOf(end: RegExp, html: string, from: number): number {
  end.lastIndex = from
  return end.exec(html)?.index ?? html.length
}

function withLinks(element: string, list: string, page: ProxiedPage): string {
  const urls = linking[element.toLowerCase()]
  if (!urls) return list
  return list.replace(attribute, (whole, name: string | undefined, equals: string, value: string) => {
    if (name === undefined || !urls.includes(name.toLowerCase())) return whole
    const [quote] = /^["']?/.exec(value)!
    return `${name}${equals}${quote}${linkThrough(quote ? value.slice(1, -1) : value, page)}${quote}`
  })
}

/** The link, through the proxy if it is an absolute one to the backend. Source: rewriteURL, there too. */
export function linkThrough(link: string, { prefix, backend, asked }: ProxiedPage): string {
  const [, origin = '', host, path] = /^((?:[a-z][a-z0-9+.-]*:)?\/\/([^/?#]*))?(\/[^]*)$/i.exec(link) ?? []
  if (path === undefined || (host !== undefined && host !== backend && host !== asked)) return link
  const before = host === asked ? origin : ''
  return path.startsWith(prefix) ? before + path : before + prefix + path
}

/** Bytes of a page beyond which it passes as it is. */
export const mostRewritten = 4 * 1024 * 1024

const unpack: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  '': (body) => body,
  gzip: (body) => gunzipSync(body, { maxOutputLength: mostRewritten }),
  deflate: (body) => inflateRawSync(body, { maxOutputLength: mostRewritten }),
}

/** The body of a page, unpacked and with its links through the proxy; undefined where its encoding cannot be read. */
export function pageThrough(body: Buffer, encoding: string, page: ProxiedPage): Buffer | undefined {
  try {
    const plain = unpack[encoding]?.(body)
    return plain && Buffer.from(withLinksThrough(plain.toString('latin1'), page), 'latin1')
  } catch {
    return undefined
  }
}
