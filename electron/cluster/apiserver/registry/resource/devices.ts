import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, invalid, notSupported, required, tooLong } from '../validation/field.ts'
import { validateLabelName } from '../validation/labels.ts'
import { isDnsLabel, isDnsSubdomain, isLabelValue } from '../validation/names.ts'
import { validateDriver, validateFullName, validateList, validateSet } from './names.ts'
import { selectorErrors } from './selectors.ts'
import type {
  ClaimSpec,
  DeviceConfiguration,
  DeviceConstraint,
  DeviceRequest,
  ExactRequest,
  DeviceSelector,
  DeviceToleration,
} from '#shared/kube/devices.ts'

const most = 32
const mostOptions = 8
const longestParameters = 10 * 1024
export const effects = ['NoExecute', 'NoSchedule', 'None']

/** A request is for one device unless it says otherwise. Source: SetDefaults_ExactDeviceRequest. */
export function defaultClaim(spec: ClaimSpec | undefined): void {
  for (const { exactly, firstAvailable } of spec?.devices?.requests ?? []) {
    for (const request of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) {
      request.allocationMode ??= 'ExactCount'
      if (request.allocationMode === 'ExactCount') request.count ||= 1
      for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal'
    }
  }
}

export const validateSelectors = (selectors: readonly DeviceSelector[] | undefined, path: string): FieldError[] =>
  validateList(selectors, most, selectorErrors, path)

/** Source: validateDeviceConfiguration. */
export function validateOpaque({ opaque }: DeviceConfiguration, path: string): FieldError[] {
  const at = `${path}.opaque`
  if (!opaque) return [required(at)]
  return [...validateDriver(opaque.driver, `${at}.driver`), ...validateObject(opaque.parameters, `${at}.parameters`)]
}

/** Source: validateRawExtension. */
export function validateObject(value: unknown, path: string): FieldError[] {
  if (value === undefined || value === null) return [required(path)]
  if (Buffer.byteLength(JSON.stringify(value)) > longestParameters) return [tooLong(path, longestParameters)]
  const isObject = typeof value === 'object' && !Array.isArray(value)
  return isObject ? [] : [invalid(path, '<value omitted>', 'must be a valid JSON object')]
}

export const validateConfiguration = (list: readonly DeviceConfiguration[] | undefined, path: string): FieldError[] =>
  validateList(list, most, validateOpaque, path)

/** Source: validateDeviceToleration. */
function validateToleration(toleration: DeviceToleration, path: string): FieldError[] {
  const { key, operator = '', value = '', effect } = toleration
  const errors = key ? validateLabelName(key, `${path}.key`) : []
  if (operator === 'Exists') {
    if (value) errors.push(invalid(`${path}.value`, value, 'must be empty for operator `Exists`'))
  } else if (operator === 'Equal') errors.push(...asInvalid(`${path}.value`, value, isLabelValue(value)))
  else if (operator) errors.push(notSupported(`${path}.operator`, operator, ['Equal', 'Exists']))
  else errors.push(required(`${path}.operator`))
  if (effect && !effects.includes(effect)) errors.push(notSupported(`${path}.effect`, effect, effects))
  return errors
}

/** Source: validateExactDeviceRequest. */
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
  errors.push(...validateList(request.tolerations, 16, validateToleration, `${path}.tolerations`))
  return errors
}

const validateRequestName = (name: string, path: string): FieldError[] => asInvalid(path, name, isDnsLabel(name))

/** Source: validateDeviceRequest. */
function validateAnyRequest({ name = '', exactly, firstAvailable }: DeviceRequest, path: string): FieldError[] {
  const errors = validateRequestName(name, `${path}.name`)
  const options = firstAvailable ?? []
  const one = 'exactly one of `exactly` or `firstAvailable` is required'
  if (!exactly && !options.length) return [...errors, required(path, one)]
  if (exactly && options.length) return [...errors, invalid(path, null, `${one}, but multiple fields are set`)]
  if (exactly) return [...errors, ...validateRequest(exactly, `${path}.exactly`)]
  return [
    ...errors,
    ...validateSet(
      options,
      mostOptions,
      (option, at) => [...validateRequestName(option.name ?? '', `${at}.name`), ...validateRequest(option, at)],
      (option) => option.name ?? '',
      `${path}.firstAvailable`,
    ),
  ]
}

export type Names = ReadonlySet<string>

/** Of the requests in a claim, and of the options in them. Source: gatherRequestNames. */
export const requestNames = ({ devices }: ClaimSpec): Names =>
  new Set(
    (devices?.requests ?? []).flatMap(({ name = '', firstAvailable = [] }) => [
      name,
      ...firstAvailable.map((each) => `${name}/${each.name ?? ''}`),
    ]),
  )

const notKnown = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"

/** Source: validateRequestNameRef. */
export function validateReference(name: string, known: Names, path: string): FieldError[] {
  const parts = name.split('/')
  const unknown = invalid(path, name, notKnown)
  if (parts.length > 2) return [unknown]
  return [...parts.flatMap((part) => validateRequestName(part, path)), ...(known.has(name) ? [] : [unknown])]
}

export const validateNames = (names: readonly string[] | undefined, known: Names, path: string): FieldError[] =>
  validateSet(
    names,
    most,
    (name, at) => validateReference(name, known, at),
    (name) => name,
    path,
  )

/** Source: validateDeviceConstraint. */
function validateConstraint(constraint: DeviceConstraint, known: Names, path: string): FieldError[] {
  const { requests, matchAttribute, distinctAttribute } = constraint
  const errors = validateNames(requests, known, `${path}.requests`)
  if (matchAttribute !== undefined) return [...errors, ...validateFullName(matchAttribute, `${path}.matchAttribute`)]
  if (distinctAttribute !== undefined)
    return [...errors, ...validateFullName(distinctAttribute, `${path}.distinctAttribute`)]
  const one = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
  return [...errors, required(path, one)]
}

/** Source: validateDeviceClaim. */
export function validateClaimSpec(spec: ClaimSpec, path: string): FieldError[] {
  const at = `${path}.devices`
  const { devices = {} } = spec
  const requests = devices.requests ?? []
  const known = requestNames(spec)
  return [
    ...validateSet(requests, most, validateAnyRequest, ({ name = '' }) => name, `${at}.requests`),
    ...validateList(
      devices.constraints,
      most,
      (constraint, field) => validateConstraint(constraint, known, field),
      `${at}.constraints`,
    ),
    ...validateList(
      devices.config,
      most,
      (config, field) => [
        ...validateNames(config.requests, known, `${field}.requests`),
        ...validateOpaque(config, field),
      ],
      `${at}.config`,
    ),
  ]
}
