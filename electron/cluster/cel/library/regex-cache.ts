import { RE2JS } from 're2js'
import { CelError } from '../values/errors.ts'

const compiled = new Map<string, RE2JS>()
const most = 500

/**
 * The pattern in RE2, whose syntax CEL has and whose running time is linear: no policy can hang the server with a text.
 * Literals are compiled once. Throws upstream's text.
 */
export function regexOf(pattern: string): RE2JS {
  const known = compiled.get(pattern)
  if (known) return known
  try {
    const regex = RE2JS.compile(pattern)
    if (compiled.size >= most) compiled.delete(compiled.keys().next().value!)
    compiled.set(pattern, regex)
    return regex
  } catch (error) {
    throw new CelError((error as Error).message)
  }
}
