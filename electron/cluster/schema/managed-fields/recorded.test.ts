import { describe, expect, it } from 'vitest'
import type { ManagedFieldsEntry } from '#shared/kube/object.ts'
import { StatusError } from '#shared/kube/status.ts'
import type { StructuralSchema } from './shape.ts'
import recorded from './testing/recorded.jsonl?raw'
import { applyConfiguration, trackedCustomResource, trackUpdate } from './track.ts'
import type { JsonObject } from './view.ts'

/** A write, and what upstream made of it. */
interface Step {
  do: 'apply' | 'update'
  manager: string
  force?: boolean
  version?: string
  subresource?: string
  /** `boat` where none is named. */
  schema?: string
  /** Seconds; the number of the step where none are given. */
  at?: number
  /** Version v0 is no longer served. */
  gone?: boolean
  /** The object is without managers afterwards. */
  untracked?: boolean
  object: JsonObject
  /** What was applied came to. */
  result?: JsonObject
  /** Name, operation, version, second, subresource and fields of each; absent where nothing was noted. */
  owners?: string[]
  conflicts?: string[]
  error?: string
}

const [head, ...lines] = recorded.trim().split('\n')
const { schemas } = JSON.parse(head!) as { schemas: Record<string, StructuralSchema> }
const kinds = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, trackedCustomResource(schema)]))
const group = 'sea.example.com'

const printed = ({ manager, operation, apiVersion, time, subresource, fieldsV1 }: ManagedFieldsEntry): string => {
  const second = time === undefined ? '' : Number(time.slice(17, 19))
  return [
    manager,
    operation,
    apiVersion?.slice(group.length + 1),
    second,
    subresource ?? '',
    JSON.stringify(fieldsV1),
  ].join(' ')
}

const withEntries = (object: JsonObject, managedFields: ManagedFieldsEntry[]): JsonObject => ({
  ...object,
  metadata: { ...(object['metadata'] as object), ...(managedFields.length ? { managedFields } : {}) },
})

/** Upstream names managers in no order, and the paths of each in one. */
const byManager = (conflicts: readonly string[]): string[] =>
  Object.values(Object.groupBy(conflicts, (text) => text.split(': ')[0]!))
    .map((group) => group!.join('\n'))
    .toSorted()

interface State {
  object: JsonObject
  entries: ManagedFieldsEntry[]
}

function run(step: Step, index: number, state: State | undefined): State {
  const { do: what, manager, force = false, version = 'v1', subresource = '', schema = 'boat', at = index } = step
  const apiVersion = `${group}/${version}`
  const kind = kinds[schema]!
  const live = state && withEntries({ ...state.object, apiVersion }, state.entries)
  const context = {
    kind,
    apiVersion,
    subresource,
    manager,
    now: `2026-01-01T00:00:${String(at).padStart(2, '0')}Z`,
    ignored: subresource === 'status' ? [['spec']] : subresource ? [] : [['status']],
    versions: (other: string) =>
      step.gone && other.endsWith('/v0')
        ? undefined
        : { shape: kind.shape, convert: (object: JsonObject) => ({ ...object, apiVersion: other }) },
  }
  if (what === 'update') return { object: step.object, entries: trackUpdate({ ...context, live, next: step.object }) }
  const { object, managedFields } = applyConfiguration({ ...context, live, config: step.object, force })
  return { object, entries: managedFields }
}

/** What structured-merge-diff, and the layers that apimachinery puts over it, made of sequences of writes. */
describe('recorded of the real library:', () => {
  it.each(lines.map((line) => JSON.parse(line) as { name: string; steps: Step[] }))('$name', ({ steps }) => {
    let state: State | undefined
    for (const [index, step] of steps.entries()) {
      let next: State
      try {
        next = run(step, index, state)
      } catch (error) {
        if (!(error instanceof StatusError)) throw error
        const { message = '', details } = error.status
        const conflicts = details?.causes?.map(
          (cause) => `${cause.message?.replace('conflict with ', '')}: ${cause.field}`,
        )
        const why = message.replace(/^failed to create typed patch object \(.*?\): /, '')
        expect(conflicts ? { conflicts: byManager(conflicts) } : { error: why }).toEqual({
          conflicts: step.conflicts && byManager(step.conflicts),
          error: step.error,
        })
        continue
      }
      expect([step.conflicts, step.error]).toEqual([undefined, undefined])
      if (step.result) expect(next.object).toEqual(step.result)
      if (step.untracked) next.entries = []
      if (step.owners) expect(next.entries.map(printed)).toEqual(step.owners)
      state = next
    }
  })
})
