import { parseExactly } from '../json/exact.ts'

/** Elements of paths as FieldsV1 writes them: `f:<name>`, `k:<keys of a list item>`, `v:<item of a set>`, `i:<index>`. */
export const fieldElement = (name: string): string => `f:${name}`
export const valueElement = (value: unknown): string => `v:${canonicalJson(value)}`
export const keyElement = (keys: Readonly<Record<string, unknown>>): string => `k:${canonicalJson(keys)}`

/** The name in an `f:` element. */
export const nameIn = (element: string): string | undefined => (element.startsWith('f:') ? element.slice(2) : undefined)

/** JSON without blanks and with sorted keys, so that equal keys are equal text. */
function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const object = value as Record<string, unknown>
  return `{${Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key])}`)
    .join(',')}}`
}

/** An element as a client wrote it, in our own spelling. Throws on what is none. */
export function canonicalElement(written: string): string {
  const kind = written.slice(0, 2)
  if (kind === 'f:') return written
  if (kind === 'i:' && /^\d+$/.test(written.slice(2))) return written
  if (kind === 'k:' || kind === 'v:') return kind + canonicalJson(parseExactly(written.slice(2)))
  throw new Error(`unrecognized element ${JSON.stringify(written)}`)
}

const rank: Record<string, number> = { f: 0, k: 1, v: 2, i: 3 }

/** Fields by name first, then list items. */
export function compareElements(a: string, b: string): number {
  const order = rank[a[0]!]! - rank[b[0]!]!
  return order || (a < b ? -1 : a > b ? 1 : 0)
}

/** A path as messages show it: `.spec.ports[name="a"].n`. */
export const printPath = (path: readonly string[]): string => path.map(printElement).join('')

function printElement(element: string): string {
  const text = element.slice(2)
  switch (element[0]) {
    case 'f':
      return `.${text}`
    case 'k':
      return `[${Object.entries(JSON.parse(text) as object)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',')}]`
    case 'v':
      return `[=${text}]`
    default:
      return `[${text}]`
  }
}
