import { apiVersionOf } from '#shared/kube/resources.ts'
import { longestName, traces, type Trace, type TracedObject } from '#shared/kube/trace.ts'
import { microTimestamp, timestamp } from '../base/clock.ts'
import type { TraceEntry, TraceRef } from '../base/trace.ts'

/** What an entry is called by those that came of it. */
export const idOf = (sequence: number): string => sequence.toString(36)

/** Unique, as events are named: after the object. */
export const nameOf = (entry: TraceEntry): string => `${entry.name.slice(0, longestName)}.${idOf(entry.sequence)}`

/** Objects outside of namespaces are traced where their events lie, too. */
export const namespaceOf = ({ namespace }: TraceEntry): string => namespace ?? 'default'

/** The sequence at the end of a name or key; 0 where there is none. */
export function sequenceIn(key: string): number {
  const sequence = parseInt(key.slice(key.lastIndexOf('.') + 1), 36)
  return Number.isSafeInteger(sequence) ? sequence : 0
}

/** An entry as the API shows it, at the revision of its coming or going. */
export function traceOf(entry: TraceEntry, revision = entry.sequence): Trace {
  const { sequence, at, user, component, action, change, failure, root, depth } = entry
  const cause = causeOf(entry)
  return {
    apiVersion: apiVersionOf(traces),
    kind: traces.kind,
    metadata: {
      name: nameOf(entry),
      namespace: namespaceOf(entry),
      uid: uidOf(sequence),
      resourceVersion: String(revision),
      creationTimestamp: timestamp(at),
    },
    time: microTimestamp(at),
    user,
    component,
    action,
    object: objectOf(entry),
    ...(change ? { change } : {}),
    ...(failure === undefined ? {} : { failure }),
    id: idOf(sequence),
    ...(cause ? { cause } : {}),
    root: idOf(root),
    depth,
  }
}

function objectOf({ kind, namespace, name, uid, resourceVersion }: TraceEntry): TracedObject {
  return {
    kind: kind.kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    ...(uid === undefined ? {} : { uid }),
    apiVersion: apiVersionOf(kind),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  }
}

function causeOf({ cause, parent, reacts, ...entry }: TraceEntry): Trace['cause'] {
  const object = cause ? plain(cause) : reacts && parent !== undefined ? objectOf(entry as TraceEntry) : undefined
  if (!object) return undefined
  // It saw the object as it was then, not as it has made it.
  if (!cause) delete object.resourceVersion
  return { object, ...(parent === undefined ? {} : { trace: idOf(parent) }) }
}

const plain = ({ apiVersion, kind, namespace, name, uid, resourceVersion }: TraceRef): TracedObject => ({
  kind,
  ...(namespace === undefined ? {} : { namespace }),
  name,
  ...(uid === undefined ? {} : { uid }),
  ...(apiVersion === undefined ? {} : { apiVersion }),
  ...(resourceVersion === undefined ? {} : { resourceVersion }),
})

/** Of the form of a uid; the same for one entry at every reading. */
function uidOf(sequence: number): string {
  const digits = sequence.toString(16).padStart(18, '0')
  return `74726163-6500-4${digits.slice(0, 3)}-8${digits.slice(3, 6)}-${digits.slice(6)}`
}
