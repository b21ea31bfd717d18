import type * as v1 from 'kubernetes-types/storage/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { validateCsiDriverName } from '../core/volume/sources.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { duplicate, invalid, required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { validateLabelName } from '../validation/labels.ts'
import { nonNegative } from '../validation/numbers.ts'

type Driver = Loose<v1.CSINodeDriver>
type CsiNode = KubeObject & { spec?: { drivers?: Driver[] } }

const longestNodeId = 256

/** Source: validateCSINodeDriver. */
function validateDriver(driver: Driver, again: boolean, path: string): FieldError[] {
  const errors = validateCsiDriverName(driver.name, `${path}.name`)
  const { nodeID = '' } = driver
  if (!nodeID) errors.push(required(`${path}.nodeID`))
  else if (nodeID.length > longestNodeId)
    errors.push(invalid(`${path}.nodeID`, nodeID, `must be ${longestNodeId} characters or less`))
  errors.push(...nonNegative(driver.allocatable?.count, `${path}.allocatable.count`))
  if (again) errors.push(duplicate(`${path}.name`, driver.name))
  const keys = driver.topologyKeys ?? []
  for (const [i, key] of keys.entries()) {
    if (!key) errors.push(required(path))
    if (keys.indexOf(key) < i) errors.push(duplicate(path, key))
    errors.push(...validateLabelName(key, path))
  }
  return errors
}

function validate({ spec }: CsiNode): FieldError[] {
  const drivers = spec?.drivers ?? []
  return drivers.flatMap((driver, i) => {
    const again = drivers.slice(0, i).some(({ name }) => name === driver.name)
    return validateDriver(driver, again, `spec.drivers[${i}]`)
  })
}

/** A driver may come and go, but not change. */
function validateUpdate(object: CsiNode, old: CsiNode): FieldError[] {
  const errors = validate(object)
  const fixed = (driver: Driver) => ({ ...driver, allocatable: undefined })
  for (const before of old.spec?.drivers ?? []) {
    for (const driver of object.spec?.drivers ?? [])
      if (driver.name === before.name) errors.push(...validateImmutable(fixed(driver), fixed(before), 'spec.drivers'))
  }
  return errors
}

const column = columnsOf<CsiNode>('CSINode')

const define = kindsOf('storage.k8s.io', 'v1')

export const csiNode: KindDefinition<CsiNode> = define<CsiNode>({
  kind: 'CSINode',
  plural: 'csinodes',
  namespaced: false,
  acted: false,
  rules: { validate, validateUpdate, more: { answersDeleted: true, requireResourceVersionOnUpdate: true } },
  columns: [nameColumn, column('Drivers', ({ spec }) => spec?.drivers?.length ?? 0, { type: 'integer' }), ageColumn],
})
