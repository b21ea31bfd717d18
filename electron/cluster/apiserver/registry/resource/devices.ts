import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, duplicate, invalid, notSupported, required, tooMany } from '../validation/field.ts'
import { isDnsLabel, isDnsSubdomain } from '../validation/names.ts'
import { selectorErrors } from './selectors.ts'
import type { ClaimSpec, DeviceConfiguration, DeviceRequest, ExactRequest, Selector } from './types.ts'

const most = 32

const counted = (list: readonly unknown[], path: string): FieldError[] =>
  list.length > most ? [tooMany(path, list.length, most)] : []

/** A request is for one device unless it says otherwise. Source: SetDefaults_ExactDeviceRequest. */
export function defaultClaim(spec: ClaimSpec | undefined): void {
  for (const { exactly, firstAvailable } of spec?.devices?.requests ?? []) {
    for (const request of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) {
      request.allocationMode ??= 'ExactCount'
      if (request.allocationMode === 'ExactCount') request.count ||= 1
    }
  }
}

export const validateSelectors = (selectors: readonly Selector[] | undefined, path: string): FieldError[] => [
  ...counted(selectors ?? [], path),
  ...(selectors ?? []).flatMap((selector, i) => selectorErrors(selector, `${path}[${i}]`)),
]

export function validateDriver(driver: string | undefined, path: string): FieldError[] {
  return driver ? asInvalid(path, driver, isDnsSubdomain(driver)) : [required(path)]
}

export const validateConfiguration = (
  configuration: readonly DeviceConfiguration[] | undefined,
  path: string,
): FieldError[] => [
  ...counted(configuration ?? [], path),
  ...(configuration ?? []).flatMap(({ opaque }, i) => {
    const at = `${path}[${i}].opaque`
    if (!opaque) return [required(at)]
    return [
      ...validateDriver(opaque.driver, `${at}.driver`),
      ...(opaque.parameters === undefined ? [required(`${at}.parameters`)] : []),
    ]
  }),
]

function validateRequest(request: ExactRequest, path: string): FieldError[] {
  const { deviceClassName: className, allocationMode: mode = '', count = 0 } = request
  const errors = className
    ? asInvalid(`${path}.deviceClassName`, className, isDnsSubdomain(className))
    : [required(`${path}.deviceClassName`)]
  errors.push(...validateSelectors(request.selectors, `${path}.selectors`))
  if (mode === 'ExactCount') {
    if (count <= 0) errors.push(invalid(`${path}.count`, count, 'must be greater than zero'))
  } else if (mode === 'All') {
    if (count !== 0) errors.push(invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'"))
  } else errors.push(notSupported(`${path}.allocationMode`, mode, ['All', 'ExactCount']))
  return errors
}

function validateAnyRequest({ name = '', exactly, firstAvailable }: DeviceRequest, path: string): FieldError[] {
  const errors = asInvalid(`${path}.name`, name, isDnsLabel(name))
  const options = firstAvailable ?? []
  const one = 'exactly one of `exactly` or `firstAvailable` is required'
  if (!exactly && !options.length) return [...errors, required(path, one)]
  if (exactly && options.length) return [...errors, invalid(path, null, `${one}, but multiple fields are set`)]
  if (exactly) return [...errors, ...validateRequest(exactly, `${path}.exactly`)]
  const mostOptions = 8
  if (options.length > mostOptions) errors.push(tooMany(`${path}.firstAvailable`, options.length, mostOptions))
  for (const [i, option] of options.entries()) {
    const at = `${path}.firstAvailable[${i}]`
    errors.push(
      ...asInvalid(`${at}.name`, option.name ?? '', isDnsLabel(option.name ?? '')),
      ...validateRequest(option, at),
    )
  }
  return errors
}

/** Source: validateDeviceClaim. */
export function validateClaimSpec({ devices = {} }: ClaimSpec, path: string): FieldError[] {
  const at = `${path}.devices`
  const requests = devices.requests ?? []
  const errors = counted(requests, `${at}.requests`)
  for (const [i, request] of requests.entries()) {
    errors.push(...validateAnyRequest(request, `${at}.requests[${i}]`))
    if (request.name && requests.findIndex(({ name }) => name === request.name) < i)
      errors.push(duplicate(`${at}.requests[${i}].name`, request.name))
  }
  const known = new Set(
    requests.flatMap(({ name = '', firstAvailable = [] }) => [
      name,
      ...firstAvailable.map((each) => `${name}/${each.name ?? ''}`),
    ]),
  )
  const named = (list: readonly string[] | undefined, field: string) =>
    (list ?? []).flatMap((name, j) =>
      known.has(name)
        ? []
        : [
            invalid(
              `${field}.requests[${j}]`,
              name,
              "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
            ),
          ],
    )
  errors.push(...counted(devices.constraints ?? [], `${at}.constraints`))
  for (const [i, { requests: names, matchAttribute, distinctAttribute }] of (devices.constraints ?? []).entries()) {
    errors.push(...named(names, `${at}.constraints[${i}]`))
    if (matchAttribute === undefined && distinctAttribute === undefined)
      errors.push(required(`${at}.constraints[${i}].matchAttribute`))
  }
  errors.push(...validateConfiguration(devices.config, `${at}.config`))
  for (const [i, { requests: names }] of (devices.config ?? []).entries())
    errors.push(...named(names, `${at}.config[${i}]`))
  return errors
}
