import { canonicalJson } from '../json/canonical.ts'
import { parseExactly } from '../json/exact.ts'

/** Elements of paths as FieldsV1 writes them: `f:<name>`, `k:<keys of a list item>`, `v:<item of a set>`, `i:<index>`. */
export const fieldElement = (name: string): string => `f:${name}`
export const valueElement = (value: unknown): string => `v:${canonicalJson(value)}`
export const keyElement = (keys: Readonly<Record<string, unknown>>): string => `k:${canonicalJson(keys)}`

/** `keyElement` of the usual case, one key with a text. */
export const textKeyElement = (key: string, text: string): string => `k:{${canonicalJson(key)}:${canonicalJson(text)}}`

/** The name in an `f:` element. */
export const nameIn = (element: string): string | undefined => (element.startsWith('f:') ? element.slice(2) : undefined)

/** An element as a client wrote it, in our own spelling; undefined for kinds that are not known. Throws on what is none. */
export function canonicalElement(written: string): string | undefined {
  if (written[1] !== ':') throw new Error(`unrecognized element ${JSON.stringify(written)}`)
  const text = written.slice(2)
  switch (written[0]) {
    case 'f':
      return written
    case 'i':
      if (!/^[-+]?\d+$/.test(text)) throw new Error(`unrecognized element ${JSON.stringify(written)}`)
      return `i:${Number(text)}`
    case 'k':
    case 'v':
      return `${written[0]}:${canonicalJson(parseExactly(text))}`
    default:
      return undefined
  }
}

/** In upstream's order: fields by name, then list items by the values that they are known by. Sorts the list itself. */
export function sortElements(elements: string[]): string[] {
  if (elements.length < 2) return elements
  if (elements.every((element) => element[0] === 'f')) return elements.sort()
  return elements
    .map((element): Read => [element, element[0] === 'f' ? element : parseExactly(element.slice(2))])
    .sort(compareRead)
    .map(([element]) => element)
}

/** An element, and what it stands for. */
type Read = readonly [element: string, value: unknown]

const kinds = 'fkvi'

function compareRead([a, left]: Read, [b, right]: Read): number {
  if (a[0] !== b[0]) return kinds.indexOf(a[0]!) - kinds.indexOf(b[0]!)
  return a[0] === 'k' ? compareKeys(left as object, right as object) : compareValues(left, right)
}

function compareKeys(a: object, b: object): number {
  const left = Object.entries(a)
  const right = Object.entries(b)
  for (const [index, [name, value]] of left.entries()) {
    if (index === right.length) return 1
    const [otherName, other] = right[index]!
    const order = compareScalars(name, otherName) || compareValues(value, other)
    if (order) return order
  }
  return left.length - right.length
}

/** Numbers first, then strings, booleans, null. Keys and members of sets are nothing else. */
function compareValues(a: unknown, b: unknown): number {
  return rankOf(a) - rankOf(b) || (a === null ? 0 : compareScalars(a as Scalar, b as Scalar))
}

type Scalar = string | number | bigint | boolean

const compareScalars = (a: Scalar, b: Scalar): number => (a < b ? -1 : a > b ? 1 : 0)

const rankOf = (value: unknown): number =>
  typeof value === 'string' ? 1 : typeof value === 'boolean' ? 2 : value === null ? 3 : 0

/** A path as messages show it: `.spec.ports[name="a"].n`. */
export const printPath = (path: readonly string[]): string => path.map(printElement).join('')

function printElement(element: string): string {
  const text = element.slice(2)
  switch (element[0]) {
    case 'f':
      return `.${text}`
    case 'k':
      return `[${Object.entries(parseExactly(text) as object)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',')}]`
    case 'v':
      return `[=${JSON.stringify(parseExactly(text))}]`
    default:
      return `[${text}]`
  }
}
