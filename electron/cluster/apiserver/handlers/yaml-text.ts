import { parse, type Tags } from 'yaml'
import { hasManyDigits } from '../../schema/json/exact.ts'

/** go-yaml reads dates as text, and knows no sets and no ordered maps. */
const plainTags = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || !/:(timestamp|binary|omap|pairs|set)$/.test(tag.tag))

/** An alias stands for what it names however large that is: so much may come of all, four times what a body may have. */
const mostExpanded = 12 * 1024 * 1024
const deepest = 1000

/**
 * The JSON of a YAML document, read by the rules of YAML 1.1 as sigs.k8s.io/yaml does: `yes` is true. Throws what is wrong
 * with it.
 */
export function jsonOfYaml(text: string): string {
  const options = {
    version: '1.1',
    merge: true,
    maxAliasCount: 1000,
    uniqueKeys: false,
    customTags: plainTags,
  } as const
  const value: unknown = parse(text, hasManyDigits(text) ? { ...options, intAsBigInt: true } : options) ?? null
  measure(value)
  return JSON.stringify(value)
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
