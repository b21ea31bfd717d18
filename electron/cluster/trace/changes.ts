import type { KubeObject } from '#shared/kube/object.ts'
import { sameJson } from '../apiserver/handlers/same-json.ts'

type Fields = Readonly<Record<string, unknown>>
interface Outline extends KubeObject {
  readonly spec?: Fields
  readonly status?: Fields
}
interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
}

const longest = 240
/** Fields that follow every other change, or are as good as a time. */
const bookkeeping = new Set(['observedGeneration', 'phase', 'startTime', 'collisionCount'])

/** What is different about an object, in a few words; '' where nothing is that people look at. Shows no values of data. */
export function changeBetween(old: KubeObject, object: KubeObject): string {
  const told = [
    ...statusChanges((old as Outline).status, (object as Outline).status),
    ...specChanges((old as Outline).spec, (object as Outline).spec),
    ...otherChanges(old as Fields, object as Fields),
    ...metadataChanges(old.metadata ?? {}, object.metadata ?? {}),
  ].join(', ')
  return told.length <= longest ? told : `${told.slice(0, longest - 1)}…`
}

/** What is worth saying of an object that is new. */
export function outlineOf(object: KubeObject): string {
  const replicas = (object as Outline).spec?.['replicas']
  return typeof replicas === 'number' ? `replicas ${replicas}` : ''
}

function statusChanges(old: Fields = {}, now: Fields = {}): string[] {
  if (old === now) return []
  const told = [...stateChanges(old, now)]
  return told.length ? told : [...partChanges(old, now)]
}

/** What has a name or a number: phase, conditions, counts, addresses. */
function* stateChanges(old: Fields, now: Fields): Generator<string> {
  if (now['phase'] !== old['phase']) yield step('phase', old['phase'], now['phase'])
  yield* conditionChanges(conditionsIn(old), conditionsIn(now))
  for (const field in now) {
    const value = now[field]
    if (isBookkeeping(field) || typeof value === 'object') continue
    if (value !== old[field]) yield step(field, old[field], value)
  }
  for (const field in old)
    if (now[field] === undefined && typeof old[field] === 'number') yield step(field, old[field], 0)
}

/** Lists and the like: only which of them. */
function* partChanges(old: Fields, now: Fields): Generator<string> {
  for (const field of new Set([...Object.keys(old), ...Object.keys(now)]))
    if (field !== 'conditions' && !isBookkeeping(field) && !sameJson(old[field], now[field])) yield `status.${field}`
}

const isBookkeeping = (field: string): boolean => bookkeeping.has(field) || field.endsWith('Time')

const conditionsIn = ({ conditions }: Fields): readonly Condition[] =>
  Array.isArray(conditions) ? (conditions as Condition[]) : []

function* conditionChanges(old: readonly Condition[], now: readonly Condition[]): Generator<string> {
  for (const { type, status, reason } of now) {
    const before = old.find((condition) => condition.type === type)
    if (before?.status === status && before.reason === reason) continue
    // What has never been is no news.
    if (!before && status === 'False' && type.endsWith('Pressure')) continue
    yield `${type} ${status}${reason && reason !== type && status !== 'True' ? ` (${reason})` : ''}`
  }
}

function* specChanges(old: Fields = {}, now: Fields = {}): Generator<string> {
  if (old === now) return
  yield* imageChanges(old, now)
  for (const field of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const [before, after] = [old[field], now[field]]
    if (before === after || sameJson(before, after)) continue
    const plain = typeof (before ?? after) !== 'object' && typeof (after ?? before) !== 'object'
    yield plain ? step(field, before, after) : `spec.${field}`
  }
}

interface Container {
  readonly name: string
  readonly image?: string
}

/** Of a pod, or of the template of pods. */
function containersIn(spec: Fields): readonly Container[] {
  const template = spec['template'] as { spec?: Fields } | undefined
  const { containers } = template?.spec ?? spec
  return Array.isArray(containers) ? (containers as Container[]) : []
}

function* imageChanges(old: Fields, now: Fields): Generator<string> {
  const before = containersIn(old)
  for (const { name, image } of containersIn(now)) {
    const was = before.find((container) => container.name === name)?.image
    if (was !== undefined && was !== image) yield step(`image of ${name}`, was, image)
  }
}

const known = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status'])

/** Objects that are not divided into spec and status: only which of their parts have changed. */
function* otherChanges(old: Fields, now: Fields): Generator<string> {
  for (const field of new Set([...Object.keys(old), ...Object.keys(now)]))
    if (!known.has(field) && !sameJson(old[field], now[field])) yield field
}

function* metadataChanges(old: NonNullable<KubeObject['metadata']>, now: typeof old): Generator<string> {
  for (const field of ['labels', 'annotations', 'ownerReferences'] as const)
    if (!sameJson(old[field], now[field])) yield field
  const [had, has] = [old.finalizers ?? [], now.finalizers ?? []]
  for (const finalizer of has) if (!had.includes(finalizer)) yield `finalizer ${finalizer} added`
  for (const finalizer of had) if (!has.includes(finalizer)) yield `finalizer ${finalizer} removed`
}

const step = (name: string, before: unknown, after: unknown): string =>
  before === undefined || before === '' ? `${name} ${word(after)}` : `${name} ${word(before)} → ${word(after)}`

const word = (value: unknown): string => (value === undefined || value === '' ? 'none' : String(value as string))
