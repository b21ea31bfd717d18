import type { Clock } from '../base/clock.ts'
import { TraceRing } from '../base/trace.ts'
import type { KubeClient } from '../client/api.ts'
import type { Authorizer } from '../apiserver/authz/authorizer.ts'
import type { StoredWrite } from '../apiserver/handlers/operation.ts'
import type { KindDefinition } from '../apiserver/registry/kind.ts'
import { traceKinds } from '../apiserver/registry/trace/index.ts'
import { DecisionSource } from './decisions/source.ts'
import { RingStore } from './ring-store.ts'
import { visibilityFor } from './visibility.ts'
import { noteOf } from './write-note.ts'

export interface TracingDeps {
  readonly clock: Clock
  /** Of the API server that serves the traces, which is made with their kinds. */
  readonly authorizer: () => Authorizer
  readonly client: () => KubeClient
}

/** The trace of one server: what it serves, and where everybody records. */
export interface Tracing {
  readonly ring: TraceRing
  readonly kinds: readonly KindDefinition[]
  /** To be told of every write. */
  readonly wrote: (write: StoredWrite) => void
  readonly decisions: DecisionSource
}

export function startTracing({ clock, authorizer, client }: TracingDeps): Tracing {
  const ring = new TraceRing({ clock })
  const decisions = new DecisionSource({ client, clock })
  const kinds = traceKinds({
    decisions,
    store: new RingStore({ ring, clock }),
    visibleTo: (user) => visibilityFor({ ring, authorizer }, user),
  })
  const wrote = (write: StoredWrite) => {
    const note = noteOf(write)
    if (note) ring.record(note)
  }
  return { ring, kinds, wrote, decisions }
}
