import type { ApplyOutcome } from '#shared/ipc/objects.ts'
import { lineOfField } from './fieldLine.ts'

export interface Complaint {
  line: number
  field: string | undefined
  message: string
}

/** How a server-side apply says it: `….containers[name="web"].imagee: field not declared in schema`. */
const undeclared = /\.((?:\[[^\]]*\]|[^\s:[\]])+): field not declared in schema/g
const strict = /(?:unknown|duplicate) field "([^"]+)"/g

/** What the server blames, each with the line to look at. */
export function complaintsOf(text: string, outcomes: readonly ApplyOutcome[]): Complaint[] {
  return outcomes.flatMap(({ error, line }) => {
    if (!error) return []
    const causes = error.causes?.filter(({ field }) => field) ?? []
    if (causes.length) {
      return causes.map(({ field, message }) => ({ line: lineOfField(text, field!, line), field, message }))
    }
    const unknown = [...error.message.matchAll(strict)].map(([found, field]) => ({
      line: lineOfField(text, field!, line),
      field,
      message: found.replace(/ "[^"]+"$/, ''),
    }))
    for (const [, field] of error.message.matchAll(undeclared))
      unknown.push({ line: lineOfField(text, field!, line), field, message: 'unknown field' })
    return unknown.length ? unknown : [{ line, field: undefined, message: error.message }]
  })
}
