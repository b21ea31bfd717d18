import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { copyField, kindsOf } from '../define.ts'
import type { KindDefinition, Strategy } from '../kind.ts'
import { metaOf } from '../loose.ts'
import { part, status } from '../subresources.ts'
import { asInvalid, invalid } from '../validation/field.ts'
import { validateFinalizerName } from '../validation/finalizers.ts'
import { dnsLabel, isQualifiedName } from '../validation/names.ts'

export type Namespace = KubeObject & { spec?: { finalizers?: string[] }; status?: { phase?: string } }

const nameLabel = 'kubernetes.io/metadata.name'
const ownFinalizer = 'kubernetes'

function setNameLabel(namespace: Namespace): void {
  const metadata = metaOf(namespace)
  if (metadata.name) (metadata.labels ??= {})[nameLabel] = metadata.name
}

function validateFinalizers({ spec }: Namespace, path: (index: number) => string): FieldError[] {
  return (spec?.finalizers ?? []).flatMap((finalizer, i) => [
    ...asInvalid(path(i), finalizer, isQualifiedName(finalizer)),
    ...validateFinalizerName(finalizer, path(i)),
  ])
}

function validateStatus({ metadata, status: now }: Namespace): FieldError[] {
  const phase = now?.phase ?? ''
  if (!metadata?.deletionTimestamp) {
    return phase === 'Active'
      ? []
      : [invalid('status.Phase', phase, "may only be 'Active' if `deletionTimestamp` is empty")]
  }
  return phase === 'Terminating'
    ? []
    : [invalid('status.Phase', phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")]
}

/** Who cleans a namespace up takes its finalizer away here, and here only. */
const finalize: Partial<Strategy<Namespace>> = {
  prepareForUpdate: (namespace, old) => copyField(namespace, old, 'status'),
  validateUpdate: (namespace) => validateFinalizers(namespace, (i) => `spec.finalizers[${i}]`),
}

const column = columnsOf<Namespace>('Namespace')

const define = kindsOf('', 'v1')

export const namespace: KindDefinition<Namespace> = define<Namespace>({
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
  shortNames: ['ns'],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  rules: {
    name: dnsLabel,
    defaults(object) {
      setNameLabel(object)
      ;(object.status ??= {}).phase ||= 'Active'
    },
    status: true,
    prepareForCreate(object) {
      object.status = { phase: 'Active' }
      const finalizers = ((object.spec ??= {}).finalizers ??= [])
      if (!finalizers.includes(ownFinalizer)) finalizers.push(ownFinalizer)
    },
    prepareForUpdate(object, old, { subresource }) {
      if (subresource !== '') return
      if (old.spec?.finalizers) (object.spec ??= {}).finalizers = old.spec.finalizers
      else delete object.spec?.finalizers
    },
    validate: (namespace) => validateFinalizers(namespace, () => 'spec.finalizers'),
    validateUpdate: () => [],
    validateStatus,
    more: {
      // A generated name comes after the defaults.
      canonicalize: setNameLabel,
      markDeleted(object) {
        object.status = { ...object.status, phase: 'Terminating' }
      },
      isHeld: ({ spec }) => (spec?.finalizers?.length ?? 0) > 0,
    },
  },
  selectableFields: { 'status.phase': ({ status: now }) => now?.phase ?? '' },
  columns: [nameColumn, column('Status', ({ status: now }) => now?.phase ?? ''), ageColumn],
  subresources: [
    part('finalize', 'Namespace', { verbs: ['update'], strategy: finalize as Partial<Strategy> }),
    status('Namespace'),
  ],
})
