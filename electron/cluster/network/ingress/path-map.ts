interface Node<T> {
  readonly children: Map<string, Node<T>>
  value: T | undefined
}

const node = <T>(): Node<T> => ({ children: new Map(), value: undefined })

/** Something by path. A prefix is one of whole elements, and a slash at its end means nothing. */
export class PathMap<T> {
  readonly #exact = new Map<string, T>()
  readonly #prefixes = node<T>()

  /** False when there is something for the same already. */
  addExact(written: string, value: T): boolean {
    const path = normalised(written)
    if (this.#exact.has(path)) return false
    this.#exact.set(path, value)
    return true
  }

  addPrefix(path: string, value: T): boolean {
    let at = this.#prefixes
    for (const element of elementsOf(normalised(path))) {
      let next = at.children.get(element)
      if (!next) at.children.set(element, (next = node()))
      at = next
    }
    if (at.value !== undefined) return false
    at.value = value
    return true
  }

  exact(path: string): T | undefined {
    return this.#exact.get(normalised(path))
  }

  prefix(path: string): T | undefined {
    return this.#find(elementsOf(normalised(path)), true)
  }

  /** The longest that matches a routed path, an exact one before a prefix. It costs what the path has elements, at most. */
  match(path: string): T | undefined {
    return this.#exact.get(path) ?? this.#find(path.slice(1).split('/'), false)
  }

  #find(elements: readonly string[], whole: boolean): T | undefined {
    let at: Node<T> | undefined = this.#prefixes
    let found = at.value
    for (const element of elements) {
      at = at.children.get(element)
      if (!at) return whole ? undefined : found
      found = whole ? at.value : (at.value ?? found)
    }
    return found
  }
}

function elementsOf(path: string): string[] {
  const trimmed = path.replace(/^\//, '').replace(/\/+$/, '')
  return trimmed === '' ? [] : trimmed.split('/')
}

const unreserved = /[\w.~-]/

/** Letters that need no escape unescaped, and escapes alike. Source: RFC 3986, 6.2.2. */
const normalised = (path: string): string =>
  path.replace(/%[\da-f]{2}/gi, (escape) => {
    const letter = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return unreserved.test(letter) ? letter : escape.toUpperCase()
  })

/**
 * The path of a request target as routes are found by: without its query, letters that need no escape unescaped, and
 * without `.` and `..`. What is passed on stays as it was sent. Source: RFC 3986, 6.2.2.
 */
export function routedPath(target: string): string {
  const end = target.search(/[?#]/)
  const path = end < 0 ? target : target.slice(0, end)
  if (!path.includes('%') && !path.includes('/.')) return path
  const decoded = normalised(path)
  if (!decoded.includes('/.')) return decoded
  const kept: string[] = []
  const elements = decoded.split('/').slice(1)
  for (const [i, element] of elements.entries()) {
    const dots = element === '.' || element === '..'
    if (element === '..') kept.pop()
    if (!dots) kept.push(element)
    else if (i === elements.length - 1) kept.push('')
  }
  return `/${kept.join('/')}`
}
