import { parentOfTrace, traceTone } from '#shared/kube/summaries/trace.ts'
import type { Trace } from '#shared/kube/trace.ts'
import { column, shape } from './define.ts'

const reference = (object: { kind: string; name: string } | undefined): string | null =>
  object ? `${object.kind}/${object.name}` : null

export const traces = shape<Trace>(
  [
    column('by', 'By', 'text', ({ component }) => component),
    column('action', 'Action', 'text', ({ action }) => action),
    column('object', 'Object', 'text', ({ object }) => reference(object)),
    column('change', 'Change', 'text', ({ change, failure }) => failure ?? change ?? null),
    column('cause', 'Because of', 'text', ({ cause }) => reference(cause?.object)),
    column('user', 'User', 'text', ({ user }) => user, 1),
    column('time', 'Time', 'age', ({ time }) => Date.parse(time), 1),
    column('failed', 'Failed', 'text', ({ failure }) => (failure === undefined ? null : 'yes'), 1),
    column('id', 'Id', 'text', ({ id }) => id, 1),
    column('root', 'Story', 'text', ({ root }) => root, 1),
    column('parent', 'Came of', 'text', (trace) => parentOfTrace(trace) ?? null, 1),
    column('depth', 'Depth', 'number', ({ depth }) => depth, 1),
  ],
  traceTone,
)
