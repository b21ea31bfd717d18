import type { Trace } from '../trace.ts'
import { longestName } from '../trace.ts'

/** Reports of trouble, among the reasons of events. */
const trouble = /Fail|Unhealthy|BackOff|^Err|Evict|Kill/

export const traceTone = ({ failure, action }: Trace): 'bad' | 'warn' | 'off' =>
  failure !== undefined ? 'bad' : trouble.test(action) ? 'warn' : 'off'

/** `namespace/name` of the trace that it came of: traces are named after their objects. */
export function parentOfTrace({ cause }: Trace): string | undefined {
  const { object, trace } = cause ?? {}
  if (!object || trace === undefined) return undefined
  return `${object.namespace ?? 'default'}/${object.name.slice(0, longestName)}.${trace}`
}
