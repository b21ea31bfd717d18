import type * as v1 from 'kubernetes-types/storage/v1'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import { semanticEqual } from '../equal.ts'
import type { KindDefinition } from '../kind.ts'
import { entries, type LooseObject } from '../loose.ts'
import { asInvalid, duplicate, invalid, notSupported, required, tooLong } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { validateLabelName } from '../validation/labels.ts'
import { deprecatedNodeLabel } from '../validation/node-labels.ts'
import { isQualifiedName } from '../validation/names.ts'

type StorageClass = LooseObject<v1.StorageClass>

const parametersBytes = 256 * 1024
const mostParameters = 512

/** Source: validateProvisioner. */
export function validateProvisioner(name: string | undefined, path: string): FieldError[] {
  if (!name) return [required(path)]
  // Provisioners are compared without case.
  return asInvalid(path, name, isQualifiedName(name.toLowerCase()))
}

/** Source: validateParameters. */
export function validateParameters(
  parameters: Readonly<Record<string, string | undefined>> | undefined,
  path: string,
): FieldError[] {
  const list = entries(parameters)
  if (list.length > mostParameters) return [tooLong(path, mostParameters)]
  const errors = list.some(([key]) => key === '') ? [invalid(path, '', 'field can not be empty.')] : []
  const size = list.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  return size > parametersBytes ? [...errors, tooLong(path, parametersBytes)] : errors
}

/** Source: validateAllowedTopologies. */
function validateTopologies(terms: StorageClass['allowedTopologies'], path: string): FieldError[] {
  // Upstream compares with as many empty terms as there are terms, besides those before.
  const seen: unknown[] = (terms ?? []).map(() => ({}))
  return (terms ?? []).flatMap((term, i) => {
    const at = `${path}[${i}]`
    const keys = new Set<string>()
    const sets: Record<string, string[]> = {}
    const errors = (term.matchLabelExpressions ?? []).flatMap(({ key = '', ...expression }, j) => {
      const values = expression.values ?? []
      const here = `${at}.matchLabelExpressions[${j}]`
      const own = values.length ? [] : [required(`${here}.values`)]
      for (const [k, value] of values.entries())
        if (values.indexOf(value) < k) own.push(duplicate(`${here}.values[${k}]`, value))
      own.push(...validateLabelName(key, `${here}.key`))
      if (keys.has(key)) own.push(duplicate(`${here}.key`, key))
      keys.add(key)
      sets[key] = [...new Set(values)].sort()
      return own
    })
    for (const other of seen) if (semanticEqual(other, sets)) errors.push(duplicate(`${at}.matchLabelExpressions`, ''))
    seen.push(sets)
    return errors
  })
}

const bindingModes = ['Immediate', 'WaitForFirstConsumer']
const reclaimPolicies = ['Delete', 'Retain']

function validate(object: StorageClass): FieldError[] {
  const errors = [
    ...validateProvisioner(object.provisioner, 'provisioner'),
    ...validateParameters(object.parameters, 'parameters'),
  ]
  const { reclaimPolicy, volumeBindingMode } = object
  if (reclaimPolicy && !reclaimPolicies.includes(reclaimPolicy))
    errors.push(notSupported('reclaimPolicy', reclaimPolicy, reclaimPolicies))
  if (volumeBindingMode === undefined) errors.push(required('volumeBindingMode'))
  else if (!bindingModes.includes(volumeBindingMode))
    errors.push(notSupported('volumeBindingMode', volumeBindingMode, bindingModes))
  return [...errors, ...validateTopologies(object.allowedTopologies, 'allowedTopologies')]
}

const immutable = ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const

const validateUpdate = (object: StorageClass, old: StorageClass): FieldError[] => [
  ...validate(object),
  ...immutable.flatMap((field) => validateImmutable(object[field], old[field], field)),
]

/** Source: GetWarningsForStorageClass. */
const warnings = ({ allowedTopologies }: StorageClass): string[] =>
  (allowedTopologies ?? []).flatMap(({ matchLabelExpressions }, i) =>
    (matchLabelExpressions ?? []).flatMap(({ key }, j) => {
      const text = deprecatedNodeLabel(key)
      return text ? [`allowedTopologies[${i}].matchLabelExpressions[${j}].key: ${text}`] : []
    }),
  )

const column = columnsOf<StorageClass>('StorageClass')

const isDefault = ({ metadata }: StorageClass): boolean =>
  ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'].some(
    (key) => metadata?.annotations?.[key] === 'true',
  )

const define = kindsOf('storage.k8s.io', 'v1')

export const storageClass: KindDefinition<StorageClass> = define<StorageClass>({
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
  shortNames: ['sc'],
  rules: {
    defaults(object) {
      object.reclaimPolicy ??= 'Delete'
      object.volumeBindingMode ??= 'Immediate'
    },
    validate,
    validateUpdate,
    more: { answersDeleted: true, warnings },
  },
  columns: [
    { ...nameColumn, cell: (object) => `${object.metadata?.name ?? ''}${isDefault(object) ? ' (default)' : ''}` },
    column('Provisioner', ({ provisioner }) => provisioner ?? ''),
    column('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
    column('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode ?? '<unset>'),
    column('AllowVolumeExpansion', ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
    ageColumn,
  ],
})
