import type { KubeObject } from '#shared/kube/object.ts'
import { timestamp } from '../../base/clock.ts'
import type { TypeDef } from '../../schema/api.ts'
import { trackedType, trackUpdate, type TrackContext, type TrackedKind } from '../../schema/managed-fields/track.ts'
import { findType, typeNamed } from '../../schema/table.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { metadataOf } from '../metadata/metadata.ts'
import type { Core, Operation } from './operation.ts'

const tracked = new WeakMap<TypeDef, TrackedKind>()

function trackedOf(type: TypeDef): TrackedKind {
  let known = tracked.get(type)
  if (!known) tracked.set(type, (known = trackedType(type)))
  return known
}

function trackedKind({ definition }: ServedKind): TrackedKind | undefined {
  if (definition.custom) return definition.custom.tracked
  const type = findType(definition.type)
  return type && trackedOf(type)
}

const statusOnly = [['status']] as const
const allButStatus = [['spec']] as const
const nothing: readonly (readonly string[])[] = []

/** What a write through this door resets, so that its writer never comes to own it. */
function resetFields({ kind, subresource }: Operation): readonly (readonly string[])[] {
  if (!kind.subresources.has('status')) return nothing
  if (!subresource) return statusOnly
  return subresource.name === 'status' ? allButStatus : nothing
}

/** Undefined for kinds that the schema table does not know. */
export function trackContext(core: Core, op: Operation): TrackContext | undefined {
  const kind = trackedKind(op.kind)
  if (!kind) return undefined
  return {
    kind,
    apiVersion: op.kind.apiVersion,
    subresource: op.subresource?.name ?? '',
    manager: op.manager,
    now: op.subresource?.view ? undefined : timestamp(core.clock.now()),
    ignored: resetFields(op),
    versions: op.kind.definition.custom?.versions,
  }
}

/** Of a view, whose owners are those of its fields in the object: writes through it leave no time. */
export const viewContext = ({ subresource, manager }: Operation): TrackContext => ({
  kind: trackedOf(typeNamed(subresource!.type!)),
  apiVersion: `${subresource!.group}/${subresource!.version}`,
  subresource: subresource!.name,
  manager,
  now: undefined,
})

/** Records in metadata.managedFields which fields this writer now owns. `old` is absent for a creation. */
export function recordManager(core: Core, op: Operation, old: KubeObject | undefined, object: KubeObject): void {
  const context = trackContext(core, op)
  if (!context) return
  const entries = trackUpdate({
    ...context,
    live: old as Record<string, unknown> | undefined,
    next: object as Record<string, unknown>,
  })
  const metadata = metadataOf(object)
  if (entries.length) metadata.managedFields = entries
  else delete metadata.managedFields
}
