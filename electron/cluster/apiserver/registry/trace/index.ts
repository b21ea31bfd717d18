import { schedulingDecisions, traces, traceGroup, type SchedulingDecision, type Trace } from '#shared/kube/trace.ts'
import { notFound } from '#shared/kube/status.ts'
import type { Store } from '../../../store/api.ts'
import { nameColumn } from '../columns/common.ts'
import { since, type CellValue } from '../columns/since.ts'
import { kindsOf } from '../define.ts'
import type { Column, KindDefinition } from '../kind.ts'

/** What the scheduler has decided. */
export interface DecisionSource {
  /** Of one namespace, or of all. */
  list(namespace: string | undefined): Promise<SchedulingDecision[]>
  get(namespace: string, name: string): Promise<SchedulingDecision | undefined>
}

export interface TraceKindsDeps {
  readonly decisions: DecisionSource
  /** Where traces are. */
  readonly store: Store
  readonly visibleTo: NonNullable<KindDefinition['visibleTo']>
}

const define = kindsOf(traceGroup, traces.version)
const typeOf = (kind: string): string => `dev.wheelhouse.trace.${traces.version}.${kind}`

const column = <T>(
  name: string,
  description: string,
  cell: (object: T) => CellValue,
  options: { wide?: boolean; format?: string; type?: Column['type'] } = {},
) => ({
  name,
  type: options.type ?? ('string' as const),
  ...(options.format ? { format: options.format } : {}),
  description,
  priority: options.wide ? 1 : 0,
  cell,
})

const subject = ({ kind, name }: { kind: string; name: string }): string => `${kind.toLowerCase()}/${name}`

/** Who, as people say it: the program, and for people their name. */
const actor = ({ user, component }: Trace): string => (user.includes(':') ? component : `${user} (${component})`)

const traceColumns: readonly Column<Trace>[] = [
  column<Trace>('Age', 'How long ago it was.', ({ time }) => since(time)),
  column<Trace>('By', 'Who did it: a component of the cluster, or a user with a program.', actor),
  column<Trace>('Action', 'What was done.', ({ action }) => action),
  column<Trace>('Object', 'To which object.', ({ object }) => subject(object)),
  column<Trace>('Because Of', 'The object whose change made it happen.', ({ cause }) =>
    cause?.object ? subject(cause.object) : '',
  ),
  column<Trace>('Change', 'What is different since, or what went wrong.', ({ change, failure }) =>
    failure === undefined ? (change ?? '') : `failed: ${failure}`,
  ),
  column<Trace>('User', 'The user of the API.', ({ user }) => user, { wide: true }),
  column<Trace>('Story', 'The id of what all of this began with: --field-selector root=…', ({ root }) => root, {
    wide: true,
  }),
  { ...(nameColumn as Column<Trace>), priority: 1 },
]

const decisionColumns: readonly Column<SchedulingDecision>[] = [
  nameColumn as Column<SchedulingDecision>,
  column<SchedulingDecision>('Result', 'What came of it.', ({ result }) => result),
  column<SchedulingDecision>('Node', 'The node that the pod has or waits for.', ({ node }) => node ?? '<none>'),
  column<SchedulingDecision>('Age', 'How long ago it was decided.', ({ decidedAt }) =>
    decidedAt ? since(decidedAt) : '<none>',
  ),
  column<SchedulingDecision>('Why', 'The reason in one sentence.', ({ summary }) => summary),
]

/** The kinds of the trace API. */
export const traceKinds = ({ decisions, store, visibleTo }: TraceKindsDeps): readonly KindDefinition[] => [
  define<Trace>({
    ...traces,
    type: typeOf(traces.kind),
    verbs: ['get', 'list', 'watch'],
    columns: traceColumns,
    keptIn: store,
    visibleTo,
    selectableFields: {
      'object.kind': ({ object }) => object.kind,
      'object.name': ({ object }) => object.name,
      'object.namespace': ({ object }) => object.namespace ?? '',
      'object.uid': ({ object }) => object.uid ?? '',
      'cause.object.uid': ({ cause }) => cause?.object?.uid ?? '',
      user: ({ user }) => user,
      component: ({ component }) => component,
      action: ({ action }) => action,
      root: ({ root }) => root,
      id: ({ id }) => id,
    },
  }) as KindDefinition,
  define<SchedulingDecision>({
    ...schedulingDecisions,
    type: typeOf(schedulingDecisions.kind),
    shortNames: ['why'],
    verbs: ['get', 'list'],
    columns: decisionColumns,
    virtual: {
      async get(name, { namespace = '' }) {
        const decision = await decisions.get(namespace, name)
        if (!decision) throw notFound({ group: traceGroup, plural: schedulingDecisions.plural }, name)
        return decision
      },
      list: ({ namespace }) => decisions.list(namespace),
    },
  }) as KindDefinition,
]
