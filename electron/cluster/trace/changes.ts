import type { KubeObject } from '#shared/kube/object.ts'
import { sameJson } from '../base/same-json.ts'

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
const none: Fields = {}

/**
 * What is different about an object, in a few words; '' where nothing is that people look at. Shows no values of data.
 * It runs at every write, so it builds nothing but its text.
 */
export function changeBetween(old: KubeObject, object: KubeObject): string {
  const told: string[] = []
  tellStatus(told, (old as Outline).status, (object as Outline).status)
  tellSpec(told, (old as Outline).spec, (object as Outline).spec)
  tellOthers(told, old as Fields, object as Fields)
  tellMetadata(told, old.metadata ?? none, object.metadata ?? none)
  return textOf(told)
}

/** The same of a write that can change the status only. */
export function statusChangeBetween(old: KubeObject, object: KubeObject): string {
  const told: string[] = []
  tellStatus(told, (old as Outline).status, (object as Outline).status)
  return textOf(told)
}

/** What is worth saying of an object that is new. */
export function outlineOf(object: KubeObject): string {
  const replicas = (object as Outline).spec?.['replicas']
  return typeof replicas === 'number' ? `replicas ${replicas}` : ''
}

function textOf(told: readonly string[]): string {
  const text = told.join(', ')
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`
}

function tellStatus(told: string[], old = none, now = none): void {
  if (old === now) return
  tellState(told, old, now)
  if (!told.length) tellParts(told, old, now)
}

/** What has a name or a number: phase, conditions, counts, addresses. */
function tellState(told: string[], old: Fields, now: Fields): void {
  if (now['phase'] !== old['phase']) told.push(step('phase', old['phase'], now['phase']))
  tellConditions(told, conditionsIn(old), conditionsIn(now))
  for (const field in now) {
    const value = now[field]
    if (typeof value !== 'object' && value !== (old[field] ?? emptyOf(value)) && !isBookkeeping(field))
      told.push(step(field, old[field], value))
  }
  for (const field in old)
    if (now[field] === undefined && typeof old[field] === 'number') told.push(step(field, old[field], 0))
}

/** What a field that is not there stands for. */
const emptyOf = (value: unknown): unknown => (typeof value === 'number' ? 0 : typeof value === 'string' ? '' : false)

/** Lists and the like: only which of them. */
function tellParts(told: string[], old: Fields, now: Fields): void {
  eachField(old, now, (field) => {
    if (field !== 'conditions' && !isBookkeeping(field) && !sameJson(old[field], now[field]))
      told.push(`status.${field}`)
  })
}

/** Fields that follow every other change, or are as good as a time. */
const bookkeeping = new Set(['observedGeneration', 'phase', 'collisionCount'])
const isBookkeeping = (field: string): boolean => bookkeeping.has(field) || field.endsWith('Time')

const conditionsIn = ({ conditions }: Fields): readonly Condition[] =>
  Array.isArray(conditions) ? (conditions as Condition[]) : []

/** What has never been and need not be yet is no news. */
const isLater = /Pressure$|Ready|Available/

function tellConditions(told: string[], old: readonly Condition[], now: readonly Condition[]): void {
  for (const { type, status, reason } of now) {
    const before = old.find((condition) => condition.type === type)
    if (before?.status === status && before.reason === reason) continue
    if (!before && status === 'False' && isLater.test(type)) continue
    told.push(`${type} ${status}${reason && reason !== type && status !== 'True' ? ` (${reason})` : ''}`)
  }
}

function tellSpec(told: string[], old = none, now = none): void {
  if (old === now) return
  tellImages(told, old, now)
  eachField(old, now, (field) => {
    const [before, after] = [old[field], now[field]]
    if (before === after || sameJson(before, after)) return
    const plain = typeof (before ?? after) !== 'object' && typeof (after ?? before) !== 'object'
    told.push(plain ? step(field, before, after) : `spec.${field}`)
  })
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

function tellImages(told: string[], old: Fields, now: Fields): void {
  const before = containersIn(old)
  for (const { name, image } of containersIn(now)) {
    const was = before.find((container) => container.name === name)?.image
    if (was !== undefined && was !== image) told.push(step(`image of ${name}`, was, image))
  }
}

const known = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status'])

/** Objects that are not divided into spec and status: only which of their parts have changed. */
function tellOthers(told: string[], old: Fields, now: Fields): void {
  eachField(old, now, (field) => {
    if (!known.has(field) && !sameJson(old[field], now[field])) told.push(field)
  })
}

function tellMetadata(told: string[], old: NonNullable<KubeObject['metadata']>, now: typeof old): void {
  for (const field of ['labels', 'annotations', 'ownerReferences'] as const)
    if (old[field] !== now[field] && !sameJson(old[field], now[field])) told.push(field)
  const [had, has] = [old.finalizers, now.finalizers]
  for (const finalizer of has ?? []) if (!had?.includes(finalizer)) told.push(`finalizer ${finalizer} added`)
  for (const finalizer of had ?? []) if (!has?.includes(finalizer)) told.push(`finalizer ${finalizer} removed`)
}

/** Fields of either. */
function eachField(old: Fields, now: Fields, visit: (field: string) => void): void {
  for (const field in now) visit(field)
  for (const field in old) if (now[field] === undefined && old[field] !== undefined) visit(field)
}

const step = (name: string, before: unknown, after: unknown): string =>
  before === undefined || before === '' ? `${name} ${word(after)}` : `${name} ${word(before)} → ${word(after)}`

const word = (value: unknown): string => (value === undefined || value === '' ? 'none' : String(value as string))
