import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { validateNodeSelector } from '../core/pod/scheduling.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { entries } from '../loose.ts'
import { asInvalid, duplicate, invalid, required, tooLong, tooMany } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { isCIdentifier, isDnsLabel, isDnsSubdomain } from '../validation/names.ts'
import { validateDriver } from './devices.ts'
import type { Attribute, Device, ResourceSlice, SliceSpec } from './types.ts'

const most = { devices: 128, properties: 32, text: 64, pool: 253 }

/** Source: validatePoolName, parts of subdomains between slashes. */
function poolErrors(
  { name = '', generation = 0, resourceSliceCount = 0 }: NonNullable<SliceSpec['pool']>,
  path: string,
): FieldError[] {
  const at = `${path}.name`
  const errors = !name
    ? [required(at)]
    : [
        ...(name.length > most.pool ? [tooLong(at, most.pool)] : []),
        ...name.split('/').flatMap((part) => asInvalid(at, part, isDnsSubdomain(part))),
      ]
  if (resourceSliceCount <= 0)
    errors.push(invalid(`${path}.resourceSliceCount`, resourceSliceCount, 'must be greater than zero'))
  if (generation < 0) errors.push(invalid(`${path}.generation`, generation, 'must be greater than or equal to zero'))
  return errors
}

const fields = ['nodeName', 'nodeSelector', 'allNodes', 'perDeviceNodeSelection'] as const

function nodeErrors(spec: SliceSpec): FieldError[] {
  const errors: FieldError[] = []
  const given = fields.filter((field) => spec[field])
  const one = `exactly one of ${fields.map((field) => `\`${field}\``).join(', ')} is required`
  if (spec.nodeName) errors.push(...asInvalid('spec.nodeName', spec.nodeName, isDnsSubdomain(spec.nodeName)))
  if (spec.nodeSelector) errors.push(...validateNodeSelector(spec.nodeSelector, 'spec.nodeSelector'))
  if (!given.length) errors.push(required('spec', one))
  if (given.length > 1) {
    errors.push(
      invalid('spec', `{${given.map((field) => `\`${field}\``).join(', ')}}`, `${one}, but multiple fields are set`),
    )
  }
  return errors
}

function qualifiedErrors(name: string, path: string): FieldError[] {
  if (!name) return [required(path, 'name required')]
  const slash = name.indexOf('/')
  const domain = slash < 0 ? undefined : name.slice(0, slash)
  const id = name.slice(slash + 1)
  return [
    ...(domain === undefined
      ? []
      : domain
        ? asInvalid(path, domain, isDnsSubdomain(domain))
        : [required(path, 'the domain must not be empty')]),
    ...(id ? asInvalid(path, id, isCIdentifier(id)) : [required(path, 'the name must not be empty')]),
  ]
}

function attributeErrors(attribute: Attribute, path: string): FieldError[] {
  const values = Object.values(attribute).filter((value) => value !== undefined)
  if (values.length !== 1) return [invalid(path, values.length ? attribute : '', 'exactly one value must be specified')]
  const { string, version } = attribute
  if (string !== undefined && string.length > most.text) return [tooLong(`${path}.string`, most.text)]
  if (version === undefined) return []
  if (version.length > most.text) return [tooLong(`${path}.version`, most.text)]
  const isSemantic = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/.test(version)
  return isSemantic
    ? []
    : [invalid(`${path}.version`, version, 'must be a string compatible with semver.org spec 2.0.0')]
}

function deviceErrors(device: Device, path: string): FieldError[] {
  const name = device.name ?? ''
  const errors = asInvalid(`${path}.name`, name, isDnsLabel(name))
  const [attributes, capacity] = [entries(device.attributes), entries(device.capacity)]
  const count = attributes.length + capacity.length
  if (count > most.properties) {
    errors.push(
      invalid(path, count, `the total number of attributes and capacities must not exceed ${most.properties}`),
    )
  }
  for (const [key, attribute] of attributes) {
    errors.push(
      ...qualifiedErrors(key, `${path}.attributes`),
      ...attributeErrors(attribute, `${path}.attributes[${key}]`),
    )
  }
  for (const [key] of capacity) errors.push(...qualifiedErrors(key, `${path}.capacity`))
  return errors
}

/** Source: validateResourceSliceSpec. */
function validate({ spec = {} }: ResourceSlice): FieldError[] {
  const devices = spec.devices ?? []
  const errors = [
    ...validateDriver(spec.driver, 'spec.driver'),
    ...poolErrors(spec.pool ?? {}, 'spec.pool'),
    ...nodeErrors(spec),
  ]
  if (devices.length > most.devices) errors.push(tooMany('spec.devices', devices.length, most.devices))
  for (const [i, device] of devices.entries()) {
    errors.push(...deviceErrors(device, `spec.devices[${i}]`))
    if (devices.findIndex(({ name }) => name === device.name) < i)
      errors.push(duplicate(`spec.devices[${i}].name`, device.name))
  }
  return errors
}

function validateUpdate(slice: ResourceSlice, old: ResourceSlice): FieldError[] {
  const immutable = (field: 'driver' | (typeof fields)[number]) =>
    validateImmutable(slice.spec?.[field], old.spec?.[field], `spec.${field}`)
  return [
    ...validate(slice),
    ...immutable('driver'),
    ...fields.flatMap(immutable),
    ...validateImmutable(slice.spec?.pool?.name, old.spec?.pool?.name, 'spec.pool.name'),
  ]
}

const column = columnsOf<ResourceSlice>('ResourceSlice')

const define = kindsOf('resource.k8s.io', 'v1')

export const resourceSlice: KindDefinition<ResourceSlice> = define<ResourceSlice>({
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  namespaced: false,
  acted: false,
  rules: { desired, validate, validateUpdate, more: { answersDeleted: true } },
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.driver': ({ spec }) => spec?.driver ?? '',
  },
  columns: [
    nameColumn,
    column('Node', ({ spec }) => spec?.nodeName ?? '<unset>'),
    column('Driver', ({ spec }) => spec?.driver ?? ''),
    column('Pool', ({ spec }) => spec?.pool?.name ?? ''),
    ageColumn,
  ],
})
