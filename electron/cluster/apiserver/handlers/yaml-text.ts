import { isMap, isScalar, LineCounter, parseDocument, visit, type Document, type Tags } from 'yaml'
import { hasManyDigits } from '../../schema/json/exact.ts'

/** go-yaml reads dates as text, and knows no sets and no ordered maps. */
const plainTags = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || !/:(timestamp|binary|omap|pairs|set)$/.test(tag.tag))

/** An alias stands for what it names however large that is: so much may come of all, four times what a body may have. */
const mostExpanded = 12 * 1024 * 1024
const deepest = 1000

export interface YamlText {
  readonly json: string
  /** Keys that stand twice in a map, where the last one holds: as go-yaml tells of them. */
  readonly duplicates: readonly string[]
}

/**
 * Reads a YAML document by the rules of YAML 1.1 as sigs.k8s.io/yaml does: `yes` is true. Throws what is wrong with it.
 */
export function readYaml(text: string): YamlText {
  const lines = new LineCounter()
  const options = { version: '1.1', merge: true, uniqueKeys: false, customTags: plainTags, lineCounter: lines } as const
  const document = parseDocument(text, hasManyDigits(text) ? { ...options, intAsBigInt: true } : options)
  if (document.errors[0]) throw document.errors[0]
  const value: unknown = document.toJS({ maxAliasCount: 1000 }) ?? null
  measure(value)
  return { json: JSON.stringify(value), duplicates: duplicatesIn(document, lines) }
}

function duplicatesIn(document: Document, lines: LineCounter): string[] {
  const found: { key: unknown; line: number }[] = []
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>()
      for (const { key, value } of items) {
        if (!isScalar(key) || key.value === '<<') continue
        if (seen.has(key.value)) {
          // go-yaml names the line of the value, a map's being that of its first key.
          const node = (isMap(value) ? value.items[0]?.key : undefined) ?? value ?? key
          const { range } = node as { range?: [number, number, number] | null }
          found.push({ key: key.value, line: lines.linePos(range?.[0] ?? 0).line })
        }
        seen.add(key.value)
      }
    },
  })
  return found
    .toSorted((a, b) => a.line - b.line)
    .map(({ key, line }) => `line ${line}: key ${JSON.stringify(key)} already set in map`)
}

/** Throws before a value is written out that would not fit, or that contains itself. */
function measure(root: unknown): void {
  let size = 0
  const visit = (value: unknown, depth: number): void => {
    size += typeof value === 'string' ? value.length : 4
    if (size > mostExpanded) throw new Error('document contains excessive aliasing')
    if (typeof value !== 'object' || value === null) return
    if (depth > deepest) throw new Error(`exceeded max depth of ${deepest}`)
    for (const [key, item] of Object.entries(value)) {
      size += key.length
      visit(item, depth + 1)
    }
  }
  visit(root, 0)
}
