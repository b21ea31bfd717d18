import { regexOf } from '../library/regex-cache.ts'
import type { Expr } from '../syntax/ast.ts'
import type { Issue } from '../syntax/errors.ts'
import { Duration, Timestamp } from '../values/time.ts'

/** Literal arguments that could never do are refused when the expression is compiled. */
export function literalIssue(call: Expr): Issue | undefined {
  if (call.kind !== 'call') return undefined
  const [arg] = call.args
  if (arg?.kind !== 'literal' || typeof arg.value !== 'string') return undefined
  const text = arg.value
  const bad = (what: string): Issue => ({ at: arg.at, message: `invalid ${what} argument` })
  if (call.name === 'duration' && !call.target && !Duration.parse(text)) return bad('duration')
  if (call.name === 'timestamp' && !call.target && !Timestamp.parse(text)) return bad('timestamp')
  if (call.name === 'matches' && call.target && !isRegex(text)) return bad('matches')
  return undefined
}

function isRegex(text: string): boolean {
  try {
    regexOf(text)
    return true
  } catch {
    return false
  }
}
