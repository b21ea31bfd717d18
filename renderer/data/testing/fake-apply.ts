import { LineCounter, parseAllDocuments, stringify } from 'yaml'
import type { ApplyOutcome } from '#shared/ipc/objects.ts'
import { findKind, kindId, presumedKinds } from '../kinds.ts'
import type { FakeCluster, FakeObject } from './fake-cluster.ts'

export const toYaml = (value: unknown): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })

interface Request {
  yaml: string
  namespace: string
  dryRun: boolean
  resourceVersion?: string
}

/** Applies documents to the fake cluster. A replica count below zero is refused, so that a refusal can be looked at. */
export function fakeApply(
  cluster: FakeCluster,
  { yaml, namespace, dryRun, resourceVersion }: Request,
  changed: (deployment: FakeObject) => void,
): ApplyOutcome[] {
  const counter = new LineCounter()
  return parseAllDocuments(yaml, { lineCounter: counter }).flatMap((document): ApplyOutcome[] => {
    const object = document.toJS() as {
      apiVersion?: string
      kind?: string
      metadata?: { name?: string; namespace?: string }
      spec?: { replicas?: number }
    } | null
    if (!object?.kind) return []
    const line = counter.linePos(document.contents?.range?.[0] ?? 0).line
    const kind = findKind(presumedKinds, object.kind)
    const name = object.metadata?.name ?? ''
    const base = { kind: object.kind, name, warnings: [], line }
    if (!kind)
      return [
        {
          ...base,
          outcome: 'failed',
          error: { code: 404, reason: 'NotFound', message: `The cluster has no kind ${object.kind}.` },
        },
      ]
    const where = kind.namespaced ? (object.metadata?.namespace ?? namespace) : undefined
    const placed = where ? { ...base, namespace: where } : base
    if ((object.spec?.replicas ?? 0) < 0) {
      const causes = [{ field: 'spec.replicas', message: 'Invalid value: -1: must be greater than or equal to 0' }]
      return [
        {
          ...placed,
          outcome: 'failed',
          error: { code: 422, reason: 'Invalid', message: `${object.kind} "${name}" is invalid`, causes },
        },
      ]
    }
    const before = cluster.find(kindId(kind), where, name)
    if (before && resourceVersion && before.metadata.resourceVersion !== resourceVersion) {
      return [
        {
          ...placed,
          outcome: 'failed',
          error: { code: 409, reason: 'Conflict', message: 'the object has been modified' },
        },
      ]
    }
    const after = {
      ...before,
      ...object,
      metadata: { ...before?.metadata, ...object.metadata, ...(where ? { namespace: where } : {}) },
    } as FakeObject
    const same = before && toYaml(before) === toYaml(after)
    if (!dryRun && !same) {
      if (kind.kind === 'Service') after['status'] = { loadBalancer: { ingress: [{ hostname: 'localhost' }] } }
      const stored = cluster.put(kindId(kind), after)
      if (kind.kind === 'Deployment') changed(stored)
    }
    return [
      {
        ...placed,
        outcome: same ? 'unchanged' : before ? 'configured' : 'created',
        ...(before ? { before: toYaml(before) } : {}),
        after: toYaml(after),
      },
    ]
  })
}
