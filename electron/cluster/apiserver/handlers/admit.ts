import type { KubeObject, ObjectMeta } from '#shared/kube/object.ts'
import { decodeManagers } from '../../schema/managed-fields/managers.ts'
import type { AdmissionRequest, Reinvocation } from '../registry/kind.ts'
import type { Core, Operation } from './operation.ts'

interface Asked {
  operation: AdmissionRequest['operation']
  object: KubeObject | undefined
  old: KubeObject | undefined
}

function requestOf(core: Core, op: Operation, { operation, object, old }: Asked): AdmissionRequest {
  return {
    operation,
    kind: op.kind.definition,
    subresource: op.subresource?.name ?? '',
    namespace: op.namespace,
    name: op.name || (object?.metadata?.name ?? ''),
    object,
    old,
    user: op.user,
    dryRun: op.dryRun,
    options: op.options,
    warn: (text) => op.warn(text),
    ...(op.annotate && { annotate: op.annotate }),
    services: core.services,
  }
}

/** Lets every plug-in change the object, and once more when what comes from outside the server changed it. */
export async function admitMutating(core: Core, op: Operation, asked: Asked): Promise<void> {
  if (!core.admission.length) return
  const managers = asked.object?.metadata?.managedFields
  await mutate(core, op, asked)
  if (asked.object?.metadata) keepReadable(op, asked.object.metadata, managers)
}

/** What is no list of managers any more is put back as it was. Source: handlers/fieldmanager/admission.go. */
function keepReadable(op: Operation, metadata: ObjectMeta, before: ObjectMeta['managedFields']): void {
  if (metadata.managedFields === before) return
  try {
    decodeManagers(metadata.managedFields)
  } catch (error) {
    if (before) metadata.managedFields = before
    else delete metadata.managedFields
    op.warn(
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${(error as Error).message}`,
    )
  }
}

async function mutate(core: Core, op: Operation, asked: Asked): Promise<void> {
  const reinvocation: Reinvocation = { again: false, needed: false, memory: new Map() }
  const request = { ...requestOf(core, op, asked), reinvocation }
  for (;;) {
    for (const plugin of core.admission) {
      if (request.operation === 'CONNECT' && !plugin.connects) continue
      const waiting = plugin.mutate?.(request)
      if (waiting) await waiting
    }
    if (!reinvocation.needed || reinvocation.again) return
    reinvocation.again = true
  }
}

/** Lets every plug-in refuse. */
export async function admitValidating(core: Core, op: Operation, asked: Asked): Promise<void> {
  if (!core.admission.length) return
  const request = requestOf(core, op, asked)
  for (const plugin of core.admission) {
    if (request.operation === 'CONNECT' && !plugin.connects) continue
    const waiting = plugin.validate?.(request)
    if (waiting) await waiting
  }
}
