import type { KubeObject } from '#shared/kube/object.ts'
import { alreadyExists, generatedNameTaken, invalid, isAlreadyExists, methodNotSupported } from '#shared/kube/status.ts'
import { nameSuffix } from '../../base/random.ts'
import { ExpectationError } from '../../store/api.ts'
import { metadataOf } from '../metadata/metadata.ts'
import { dropDuplicateOwners, ensureNamespace, fillSystemFields, wipeSystemFields } from '../metadata/system-fields.ts'
import { validateNewMetadata } from '../metadata/validate.ts'
import { cloneObject } from '../storage/codec.ts'
import { translateStoreError } from '../storage/errors.ts'
import { admitMutating, admitValidating } from './admit.ts'
import { freshly } from './freshly.ts'
import { recordManager } from './managed-fields.ts'
import { contextOf, invalidOf, type Core, type Operation, type Outcome } from './operation.ts'
import { isContended, ledgerOf, reserve } from './reserve.ts'
import { fillZeroFields } from './zero-fields.ts'

const generatedNames = 8
/** Names longer than this leave no room for a suffix. */
const longestGeneratedBase = 63 - 5

/** Creates the object, decoded and defaulted, which from then on belongs to the store. */
export async function createObject(core: Core, asked: Operation, object: KubeObject): Promise<Outcome> {
  const { kind } = asked
  const metadata = metadataOf(object)
  const op = asked.name ? asked : { ...asked, name: metadata.name ?? '' }
  wipeSystemFields(metadata)
  ensureNamespace(object, kind.namespaced ? op.namespace : undefined)
  dedupOwners(op, object)
  recordManager(core, op, undefined, object)
  const { virtual } = kind.definition
  if (virtual) {
    if (!virtual.create) throw methodNotSupported(kind.subject, 'create')
    return { object: await virtual.create(object, contextOf(core, op), core.services), created: true }
  }
  if (!kind.stored) throw methodNotSupported(kind.subject, 'create')
  await freshly(kind)
  await admitMutating(core, op, { operation: 'CREATE', object, old: undefined })
  if (metadata.generateName && !metadata.name) return createNamed(core, op, object, metadata.generateName)
  return storeNew(core, op, object)
}

/** A generated name may be taken: then another one is. */
async function createNamed(core: Core, op: Operation, object: KubeObject, base: string): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const candidate = attempt < generatedNames ? cloneObject(object) : object
    candidate.metadata!.name = base.slice(0, longestGeneratedBase) + nameSuffix(core.random)
    try {
      return await storeNew(core, { ...op, name: candidate.metadata!.name }, candidate)
    } catch (error) {
      if (!isAlreadyExists(error) || attempt === generatedNames) throw error
    }
  }
}

/** Everything from the system's fields to the store. Source: apiserver/pkg/registry/rest/create.go. */
export async function storeNew(core: Core, op: Operation, object: KubeObject): Promise<Outcome> {
  const { kind } = op
  const context = contextOf(core, op)
  const metadata = metadataOf(object)
  fillSystemFields(metadata, core)
  kind.strategy.prepareForCreate(object, context)
  fillZeroFields(kind, object)
  const errors = [
    ...validateNewMetadata(metadata, kind.namespaced, kind.strategy.validateName),
    ...kind.strategy.validateCreate(object, context),
  ]
  if (errors.length) throw invalid(invalidOf(kind, object), metadata.name ?? '', errors)
  for (const text of kind.strategy.warnings?.(object, undefined) ?? []) op.warn(text)
  kind.strategy.canonicalize?.(object)
  await admitValidating(core, op, { operation: 'CREATE', object, old: undefined })
  const { objects } = kind
  const key = objects.keyOf(op.namespace, metadata.name!)
  const taken = () => (metadata.generateName ? generatedNameTaken : alreadyExists)(kind.subject, metadata.name!)
  if (objects.latest(key)) throw taken()
  if (kind.definition.acted === false && !op.dryRun)
    op.warn(`nothing in this cluster acts on ${kind.definition.plural} yet: the object is stored, and that is all`)
  const idle = kind.definition.idle?.()
  if (idle !== undefined && !op.dryRun)
    op.warn(`nothing on this machine acts on ${kind.definition.plural}: ${idle}; the object is stored, and that is all`)
  try {
    return await putNew(core, op, key, object)
  } catch (error) {
    if (error instanceof ExpectationError) throw taken()
    throw translateStoreError(error)
  }
}

async function putNew(core: Core, op: Operation, key: string, object: KubeObject): Promise<Outcome> {
  const { objects } = op.kind
  for (;;) {
    // What is reserved is written into the object, and must not stay there where another server was faster.
    const candidate = isContended(core, op) ? cloneObject(object) : object
    const settle = reserve(core, op, candidate, undefined)
    let stored = false
    try {
      if (op.dryRun) return { object: candidate, created: true }
      const form = op.kind.toStored(candidate)
      const entry = await objects.put(key, form instanceof Promise ? await form : form, 0, ledgerOf(core, op))
      stored = true
      core.wrote?.({ op, action: 'create', old: undefined, object: candidate, revision: entry.revision })
      await op.kind.prepare([entry])
      return { entry, created: true }
    } catch (error) {
      if (!(error instanceof ExpectationError) || error.key === key) throw error
    } finally {
      settle(stored)
    }
  }
}

export function dedupOwners(op: Operation, object: KubeObject): void {
  if (!object.metadata || !dropDuplicateOwners(object.metadata)) return
  op.warn(
    '.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests',
  )
}
