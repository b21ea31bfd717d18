import {
  bool,
  bytes,
  double,
  duration,
  dyn,
  int,
  list,
  map,
  nullType,
  opaque,
  optional,
  string,
  timestamp,
  typeType,
  uint,
  type CelType,
} from './types.ts'

export interface Signature {
  readonly name: string
  /** Called as `first.name(rest)`: then the first parameter is the receiver. */
  readonly member: boolean
  readonly params: readonly CelType[]
  readonly result: CelType
}

const named: Readonly<Record<string, CelType>> = {
  bool,
  bytes,
  double,
  duration,
  dyn,
  int,
  null: nullType,
  string,
  timestamp,
  type: typeType(),
  uint,
  Quantity: opaque('kubernetes.Quantity'),
  URL: opaque('kubernetes.URL'),
  IP: opaque('net.IP'),
  CIDR: opaque('net.CIDR'),
  Format: opaque('kubernetes.NamedFormat'),
  Semver: opaque('kubernetes.Semver'),
  Authorizer: opaque('kubernetes.authorization.Authorizer'),
  PathCheck: opaque('kubernetes.authorization.PathCheck'),
  GroupCheck: opaque('kubernetes.authorization.GroupCheck'),
  ResourceCheck: opaque('kubernetes.authorization.ResourceCheck'),
  Decision: opaque('kubernetes.authorization.Decision'),
}

export const typeNamed = (name: keyof typeof named): CelType => named[name]!

/** Reads `string.charAt(int): string` (a method), `sets.contains(list(T), list(T)): bool` or `_+_(int, int): int`. */
export function signature(text: string): Signature {
  const reader = new Reader(text)
  const receiver = reader.receiver()
  const name = reader.until('(')
  const params = reader.types(')')
  reader.skip(': ')
  return {
    name,
    member: receiver !== undefined,
    params: receiver ? [receiver, ...params] : params,
    result: reader.type(),
  }
}

class Reader {
  readonly #text: string
  #at = 0
  constructor(text: string) {
    this.#text = text
  }

  /** A type before a dot; what is no type is part of a qualified name (`ip.isCanonical`). */
  receiver(): CelType | undefined {
    const start = this.#at
    const word = /^\w+/.exec(this.#text)?.[0] ?? ''
    const isType = word in named || /^(?:list|map|optional)\(/.test(this.#text)
    if (!isType) return undefined
    const type = this.type()
    if (this.#text[this.#at] === '.') {
      this.#at++
      return type
    }
    this.#at = start
    return undefined
  }

  until(mark: string): string {
    const end = this.#text.indexOf(mark, this.#at)
    const found = this.#text.slice(this.#at, end)
    this.#at = end + mark.length
    return found
  }

  skip(text: string): void {
    if (!this.#text.startsWith(text, this.#at)) throw new Error(`bad signature ${this.#text} at ${this.#at}`)
    this.#at += text.length
  }

  types(end: string): CelType[] {
    const found: CelType[] = []
    while (this.#text[this.#at] !== end) {
      found.push(this.type())
      if (this.#text[this.#at] === ',') this.skip(', ')
    }
    this.#at += end.length
    return found
  }

  type(): CelType {
    const name = /^\w+/.exec(this.#text.slice(this.#at))?.[0] ?? ''
    this.#at += name.length
    if (/^[A-Z]$/.test(name)) return { kind: 'param', name }
    if (this.#text[this.#at] === '(' && /^(?:list|map|optional|type)$/.test(name)) {
      this.#at++
      const [first, second] = this.types(')')
      if (name === 'list') return list(first!)
      if (name === 'optional') return optional(first!)
      return name === 'map' ? map(first!, second!) : typeType(first)
    }
    const known = named[name]
    if (!known) throw new Error(`no type ${JSON.stringify(name)} in ${this.#text}`)
    return known
  }
}
