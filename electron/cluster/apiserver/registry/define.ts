import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from './equal.ts'
import { defaultColumns } from './columns/common.ts'
import type { KindDefinition, Strategy, StrategyContext } from './kind.ts'
import { metaOf } from './loose.ts'
import { validateFinalizerName } from './validation/finalizers.ts'
import { exceptKeptAddresses } from './validation/ips.ts'
import { dnsSubdomain, type NameRule } from './validation/names.ts'

/** An object of which only the general outline is known: metadata, spec and status. */
export interface Outline extends KubeObject {
  spec?: unknown
  status?: unknown
}

/** The rules of one kind, of which most kinds need few. */
export interface Rules<T extends KubeObject = Outline> {
  /** Default: a DNS subdomain. */
  name?: NameRule
  defaults?(object: T): void
  /** The kind's finalizers may have any name: those of groups outside of core's own validation. */
  anyFinalizers?: boolean
  /** The kind has a status subresource: creators cannot set the status, and each writer changes only its own half. */
  status?: boolean
  /** What writers of the status may not change either. Metadata: ResetObjectMetaForStatus. Default: nothing. */
  statusKeeps?: 'labels' | 'metadata'
  /** Desired state, whose change raises metadata.generation. Absent where the kind has no generation. */
  desired?(object: T): unknown
  /** After the general preparation. */
  prepareForCreate?(object: T, context: StrategyContext): void
  prepareForUpdate?(object: T, old: T, context: StrategyContext): void
  validate?(object: T, context: StrategyContext): FieldError[]
  /** Default: what `validate` says of the new object. */
  validateUpdate?(object: T, old: T, context: StrategyContext): FieldError[]
  /** Writes through /status. Default: nothing is wrong. */
  validateStatus?(object: T, old: T, context: StrategyContext): FieldError[]
  more?: Partial<Strategy<T>>
}

export const spec = (object: Outline): unknown => object.spec

export function strategyOf<T extends KubeObject = Outline>(rules: Rules<T>): Strategy<T> {
  const name = rules.name ?? dnsSubdomain
  return {
    setDefaults: (object) => rules.defaults?.(object),
    prepareForCreate(object, context) {
      if (rules.status) delete (object as Outline).status
      if (rules.desired) metaOf(object).generation = 1
      rules.prepareForCreate?.(object, context)
    },
    prepareForUpdate(object, old, context) {
      if (context.subresource === 'status') keepAllButStatus(object, old, keptMetadata[rules.statusKeeps ?? 'nothing'])
      else if (rules.status) copyField(object, old, 'status')
      rules.prepareForUpdate?.(object, old, context)
      if (!rules.desired) return
      const isStatus = context.subresource === 'status'
      bumpGeneration(object, old, !isStatus && !semanticEqual(rules.desired(object), rules.desired(old)))
    },
    validateCreate: (object, context) => [
      ...finalizerErrors(object, rules),
      ...(rules.validate?.(object, context) ?? []),
    ],
    validateUpdate: (object, old, context) => [
      ...finalizerErrors(object, rules),
      ...updateErrors(object, old, context, rules),
    ],
    validateName: name,
    ...rules.more,
  }
}

function finalizerErrors<T extends KubeObject>({ metadata }: T, { anyFinalizers }: Rules<T>): FieldError[] {
  const finalizers = anyFinalizers ? [] : (metadata?.finalizers ?? [])
  return finalizers.flatMap((name, i) => validateFinalizerName(name, `metadata.finalizers[${i}]`))
}

function updateErrors<T extends KubeObject>(
  object: T,
  old: T,
  context: StrategyContext,
  rules: Rules<T>,
): FieldError[] {
  const { validate, validateStatus, validateUpdate = validate && ((now: T) => validate(now, context)) } = rules
  const check = context.subresource === 'status' ? validateStatus : validateUpdate
  return exceptKeptAddresses(check?.(object, old, context) ?? [], old)
}

const keptMetadata = {
  nothing: [],
  labels: ['labels'],
  metadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
} as const

/** A writer of /status changes the status, and metadata as far as the handlers let it. */
function keepAllButStatus<T extends KubeObject>(object: T, old: T, kept: readonly string[]): void {
  for (const field of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (!['apiVersion', 'kind', 'metadata', 'status'].includes(field)) copyField(object, old, field)
  }
  for (const field of kept) copyField(metaOf(object), metaOf(old), field)
}

export function copyField<T extends object>(to: T, from: T, field: string): void {
  const source = from as Record<string, unknown>
  if (source[field] === undefined) delete (to as Record<string, unknown>)[field]
  else (to as Record<string, unknown>)[field] = source[field]
}

/** metadata.generation belongs to the server: the old one, or the next when the desired state changed. */
export function bumpGeneration(object: KubeObject, old: KubeObject, changed: boolean): void {
  const generation = old.metadata?.generation
  const metadata = metaOf(object)
  if (changed) metadata.generation = (generation ?? 0) + 1
  else if (generation === undefined) delete metadata.generation
  else metadata.generation = generation
}

type Definable<T extends KubeObject> = Pick<KindDefinition<T>, 'kind' | 'plural' | 'namespaced'> &
  Partial<Omit<KindDefinition<T>, 'strategy'>> & { rules?: Rules<T> }

/** Kinds of one group and version; `group` is '' for the core group. */
export function kindsOf(group: string, version: string) {
  const openApiGroup = group === '' ? 'core' : group.split('.')[0]!
  return function define<T extends KubeObject = Outline>({ rules, ...rest }: Definable<T>): KindDefinition<T> {
    return {
      group,
      version,
      singular: rest.kind.toLowerCase(),
      type: `io.k8s.api.${openApiGroup}.${version}.${rest.kind}`,
      columns: defaultColumns,
      ...rest,
      strategy: strategyOf(rules ?? {}),
    }
  }
}
