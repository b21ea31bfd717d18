import { CelError } from '../values/errors.ts'
import { LiteralMap, OpaqueValue, type CelValue } from '../values/values.ts'
import { overload, readsFirst, type Overload } from './overload.ts'
import { parseRequestUri, type GoUrl } from './go-url.ts'

class UrlValue extends OpaqueValue {
  readonly typeName = 'kubernetes.URL'
  readonly url: GoUrl
  constructor(url: GoUrl) {
    super()
    this.url = url
  }
  equals(other: OpaqueValue): boolean {
    return (other as UrlValue).url.text === this.url.text
  }
}

function parse(text: string): UrlValue {
  const url = parseRequestUri(text)
  if (typeof url === 'string') throw new CelError(`URL parse error during conversion from string: ${url}`)
  return new UrlValue(url)
}

function query({ url }: UrlValue): LiteralMap {
  const values = new Map<CelValue, string[]>()
  for (const [key, value] of new URLSearchParams(url.query)) values.set(key, [...(values.get(key) ?? []), value])
  return new LiteralMap(values)
}

/** Source: apiserver/pkg/cel/library/urls.go. */
export const urls: readonly Overload[] = [
  overload('url(string): URL', parse, readsFirst),
  overload('isURL(string): bool', (text: string) => typeof parseRequestUri(text) !== 'string', readsFirst),
  overload('URL.getScheme(): string', ({ url }: UrlValue) => url.scheme),
  overload('URL.getHost(): string', ({ url }: UrlValue) => url.host),
  overload('URL.getHostname(): string', ({ url }: UrlValue) => url.hostname),
  overload('URL.getPort(): string', ({ url }: UrlValue) => url.port),
  overload('URL.getEscapedPath(): string', ({ url }: UrlValue) => url.path),
  overload('URL.getQuery(): map(string, list(string))', query),
]
