import type { KubeObject } from '#shared/kube/object.ts'
import { ageColumn, columnsOf, nameColumn } from './columns/common.ts'
import type { Column, Subresource } from './kind.ts'
import { required } from './validation/field.ts'
import { nonNegative } from './validation/numbers.ts'

const readWrite = ['get', 'patch', 'update'] as const

/** The object's status half; the rules are the kind's own, which know of the subresource by the context. */
export const status = (kind: string): Subresource => ({ name: 'status', kind, verbs: readWrite })

/** The whole object with other rules. */
export const part = (name: string, kind: string, more: Partial<Subresource> = {}): Subresource => ({
  name,
  kind,
  verbs: readWrite,
  ...more,
})

/** A stream, handed to the connector of the same name. */
export const connector = (name: string, kind: string, verbs: readonly string[]): Subresource => ({
  name,
  kind,
  verbs,
  connect: name,
})

interface Scalable extends KubeObject {
  spec?: { replicas?: number | undefined }
  status?: { replicas?: number | undefined }
}

interface Scale extends KubeObject {
  spec?: { replicas?: number | undefined }
  status?: { replicas: number; selector?: string }
}

const column = columnsOf<Scale>('Scale')
const columns: readonly Column[] = [
  { ...nameColumn, format: '' },
  column('Desired', ({ spec }) => spec?.replicas ?? 0, { type: 'integer' }),
  column('Available', ({ status }) => status?.replicas ?? 0, { type: 'integer' }),
  ageColumn,
]

/** autoscaling/v1 Scale over spec.replicas. `apiVersion` is the holder's; `selector` is the pods' selector in its text form. */
export function scale<T extends Scalable>(apiVersion: string, selector: (object: T) => string): Subresource<T> {
  return {
    name: 'scale',
    kind: 'Scale',
    group: 'autoscaling',
    version: 'v1',
    verbs: readWrite,
    type: 'io.k8s.api.autoscaling.v1.Scale',
    view: {
      read(object): Scale {
        const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {}
        const text = selector(object)
        return {
          apiVersion: 'autoscaling/v1',
          kind: 'Scale',
          metadata: JSON.parse(
            JSON.stringify({ name, namespace, uid, resourceVersion, creationTimestamp }),
          ) as NonNullable<KubeObject['metadata']>,
          spec: object.spec?.replicas ? { replicas: object.spec.replicas } : {},
          status: { replicas: object.status?.replicas ?? 0, ...(text ? { selector: text } : {}) },
        }
      },
      write(object, view) {
        const asked = (view as Scale).spec?.replicas ?? 0
        ;(object.spec ??= {}).replicas = asked
        const errors = nonNegative(asked, 'spec.replicas')
        return view.metadata?.name ? errors : [required('metadata.name'), ...errors]
      },
      replicas: new Map([[apiVersion, ['spec', 'replicas']]]),
      columns,
    },
  }
}
