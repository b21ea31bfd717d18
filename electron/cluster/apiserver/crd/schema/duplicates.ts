import { countParsedKeys, countWrittenKeys, Pairs, parsePairs } from '../../../schema/json/duplicates.ts'
import { child, indexed } from './paths.ts'

/** Paths of the keys that a text has twice in one object; `value` is what it was parsed to. */
export function duplicateKeys(text: string, value: unknown): string[] {
  if (countWrittenKeys(text) === countParsedKeys(value)) return []
  const found: string[] = []
  const visit = (item: unknown, path: string): void => {
    if (Array.isArray(item)) return item.forEach((entry, i) => visit(entry, indexed(path, i)))
    if (!(item instanceof Pairs)) return
    const seen = new Set<string>()
    for (const [key, entry] of item.entries) {
      if (seen.has(key)) found.push(child(path, key))
      seen.add(key)
      visit(entry, child(path, key))
    }
  }
  visit(parsePairs(text), '')
  return found
}
