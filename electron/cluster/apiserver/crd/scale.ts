import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import type { Scale as ScalePaths } from '../registry/apiextensions/types.ts'
import type { Subresource } from '../registry/kind.ts'
import { invalid, required } from '../registry/validation/field.ts'
import type { ReplicasPaths } from '../../schema/managed-fields/scale.ts'
import { scaleColumns } from './columns.ts'
import { accessorError, setAt, valueAt } from './fields.ts'
import type { JsonObject } from './schema/paths.ts'

interface Scale extends KubeObject {
  spec?: { replicas?: number }
  status?: { replicas: number; selector?: string }
}

const numberAt = (object: unknown, path: string): number => {
  const value = valueAt(object, path)
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0
}

/** autoscaling/v1 Scale over the paths that the definition names; `replicas` are those of all its versions. Source: registry/customresource/etcd.go. */
export function customScale(paths: ScalePaths, replicas: ReplicasPaths): Subresource {
  const { specReplicasPath = '', statusReplicasPath = '', labelSelectorPath } = paths
  return {
    name: 'scale',
    kind: 'Scale',
    group: 'autoscaling',
    version: 'v1',
    verbs: ['get', 'patch', 'update'],
    type: 'io.k8s.api.autoscaling.v1.Scale',
    view: {
      read(object): Scale {
        const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {}
        const selector = labelSelectorPath ? valueAt(object, labelSelectorPath) : undefined
        const replicas = numberAt(object, specReplicasPath)
        return {
          apiVersion: 'autoscaling/v1',
          kind: 'Scale',
          metadata: JSON.parse(
            JSON.stringify({ name, namespace, uid, resourceVersion, creationTimestamp }),
          ) as NonNullable<KubeObject['metadata']>,
          spec: replicas ? { replicas } : {},
          status: {
            replicas: numberAt(object, statusReplicasPath),
            ...(typeof selector === 'string' && selector ? { selector } : {}),
          },
        }
      },
      write(object, view) {
        const replicas = (view as Scale).spec?.replicas ?? 0
        setAt(object as unknown as JsonObject, specReplicasPath, replicas)
        const errors = replicas < 0 ? [invalid('spec.replicas', replicas, 'should be a non-negative integer')] : []
        return view.metadata?.name ? errors : [required('metadata.name'), ...errors]
      },
      replicas,
      columns: scaleColumns,
    },
  }
}

/** Replicas that are no count, and a selector that is no text. Source: registry/customresource/validator.go. */
export function scaleErrors(object: unknown, paths: ScalePaths | undefined): FieldError[] {
  if (!paths) return []
  return [
    ...replicasErrors(object, paths.specReplicasPath ?? ''),
    ...replicasErrors(object, paths.statusReplicasPath ?? ''),
    ...selectorErrors(object, paths.labelSelectorPath),
  ]
}

function replicasErrors(object: unknown, path: string): FieldError[] {
  const wrong = accessorError(object, path, 'int64')
  if (wrong) return [invalid(path, 0, wrong)]
  const replicas = numberAt(object, path)
  return replicas < 0 ? [invalid(path, replicas, 'should be a non-negative integer')] : []
}

function selectorErrors(object: unknown, path: string | undefined): FieldError[] {
  const wrong = path ? accessorError(object, path, 'string') : undefined
  return wrong ? [invalid(path!, '', wrong)] : []
}
