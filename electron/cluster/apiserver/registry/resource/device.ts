import type { FieldError } from '#shared/kube/status.ts'
import { validateNodeSelector } from '../core/pod/scheduling.ts'
import { entries } from '../loose.ts'
import {
  asInvalid,
  duplicate,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../validation/field.ts'
import { validateLabelName } from '../validation/labels.ts'
import { isDnsLabel, isDnsSubdomain, isLabelValue } from '../validation/names.ts'
import { effects } from './devices.ts'
import { validateList, validateQualifiedName, validateSet } from './names.ts'
import { validateRequestPolicy } from './request-policy.ts'
import type { DeviceAttribute, Counters, Device, DeviceTaint } from '#shared/kube/devices.ts'

const most = { properties: 32, text: 64, taints: 16, consumptions: 2, counters: 32, conditions: 4 }
/** Keys in paths are shortened in their middle. */
const longestKey = 63 + 1 + 32

const semantic =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/

const validateText = (text: string, path: string): FieldError[] =>
  Buffer.byteLength(text) > most.text ? [tooLong(path, most.text)] : []

const validateVersion = (version: string, path: string): FieldError[] => [
  ...(semantic.test(version) ? [] : [invalid(path, version, 'must be a string compatible with semver.org spec 2.0.0')]),
  ...validateText(version, path),
]

/** Source: validateDeviceAttribute. */
function validateAttribute(attribute: DeviceAttribute, path: string): FieldError[] {
  const { string, version } = attribute
  const errors = [
    ...(string === undefined ? [] : validateText(string, `${path}.string`)),
    ...(version === undefined ? [] : validateVersion(version, `${path}.version`)),
  ]
  const given = Object.values(attribute).filter((value) => value !== undefined).length
  if (given !== 1) errors.push(invalid(path, given ? attribute : '', 'exactly one value must be specified'))
  return errors
}

function shortened(key: string): string {
  if (key.length <= longestKey) return key
  const rest = longestKey - 3
  return `${key.slice(0, Math.floor((rest + 1) / 2))}...${key.slice(-Math.floor(rest / 2))}`
}

/** Source: validateDeviceTaint. */
function validateTaint({ key = '', value = '', effect = '' }: DeviceTaint, path: string): FieldError[] {
  const errors = validateLabelName(key, `${path}.key`)
  if (value) errors.push(...asInvalid(`${path}.value`, value, isLabelValue(value)))
  if (!effect) errors.push(required(`${path}.effect`))
  else if (!effects.includes(effect)) errors.push(notSupported(`${path}.effect`, effect, effects))
  return errors
}

/** A named set of counters. */
export function validateCounters(
  name: string,
  counters: Counters | undefined,
  namePath: string,
  path: string,
): FieldError[] {
  const keys = Object.keys(counters ?? {})
  const errors = name ? asInvalid(namePath, name, isDnsLabel(name)) : [required(namePath)]
  if (!keys.length) errors.push(required(path))
  else if (keys.length > most.counters) errors.push(tooMany(path, keys.length, most.counters))
  else errors.push(...keys.flatMap((key) => asInvalid(path, key, isDnsLabel(key))))
  return errors
}

/** Source: validateDeviceBindingParameters. */
export function validateBinding(
  device: Pick<Device, 'bindingConditions' | 'bindingFailureConditions'>,
  path: string,
): FieldError[] {
  const { bindingConditions: good = [], bindingFailureConditions: bad = [] } = device
  const at = { good: `${path}.bindingConditions`, bad: `${path}.bindingFailureConditions` }
  const repeated = (list: readonly string[], field: string) =>
    list.flatMap((name, i) => (list.indexOf(name) < i ? [duplicate(`${field}[${i}]`, name)] : []))
  const errors = [
    ...validateList(good, most.conditions, validateLabelName, at.good),
    ...validateList(bad, most.conditions, validateLabelName, at.bad),
    ...repeated(good, at.good),
    ...repeated(bad, at.bad),
  ]
  for (const [i, name] of bad.entries()) {
    const text = 'bindingFailureConditions must not overlap with bindingConditions'
    if (good.includes(name)) errors.push(invalid(`${at.bad}[${i}]`, name, text))
  }
  const needed = (field: string, other: string) => `${field} are required to use ${other}`
  if (!good.length && bad.length)
    errors.push(invalid(at.good, good, needed('bindingConditions', 'bindingFailureConditions')))
  if (!bad.length && good.length)
    errors.push(invalid(at.bad, bad, needed('bindingFailureConditions', 'bindingConditions')))
  return errors
}

/** From where the device is reached, when its slice leaves that to it. */
function validatePlace({ nodeName, nodeSelector, allNodes }: Device, perDevice: boolean, path: string): FieldError[] {
  if (!perDevice) {
    const text =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
    return nodeName === undefined && !nodeSelector && allNodes === undefined ? [] : [invalid(path, null, text)]
  }
  const given: string[] = []
  const errors: FieldError[] = []
  if (nodeName) {
    given.push('`nodeName`')
    errors.push(...asInvalid(`${path}.nodeName`, nodeName, isDnsSubdomain(nodeName)))
  } else if (nodeName !== undefined) errors.push(invalid(`${path}.nodeName`, nodeName, 'must not be empty'))
  if (nodeSelector) {
    given.push('`nodeSelector`')
    errors.push(...validateNodeSelector(nodeSelector, `${path}.nodeSelector`))
  }
  if (allNodes) given.push('`allNodes`')
  else if (allNodes !== undefined)
    errors.push(invalid(`${path}.allNodes`, allNodes, 'must be either unset or set to true'))
  const one =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
  if (!given.length) errors.push(required(path, one))
  if (given.length > 1) errors.push(invalid(path, `{${given.join(', ')}}`, one))
  return errors
}

/** Source: validateDevice. */
export function validateDevice(device: Device, perDevice: boolean, path: string): FieldError[] {
  const { name = '' } = device
  const errors = asInvalid(`${path}.name`, name, isDnsLabel(name))
  const [attributes, capacity] = [entries(device.attributes), entries(device.capacity)]
  const count = attributes.length + capacity.length
  if (count > most.properties) {
    const text = `the total number of attributes and capacities must not exceed ${most.properties}`
    errors.push(invalid(path, count, text))
  }
  for (const [key, attribute] of attributes) {
    errors.push(
      ...validateQualifiedName(key, `${path}.attributes`),
      ...validateAttribute(attribute, `${path}.attributes[${shortened(key)}]`),
    )
  }
  for (const [key, amount] of capacity) {
    const at = `${path}.capacity[${shortened(key)}].requestPolicy`
    errors.push(...validateQualifiedName(key, `${path}.capacity`))
    if (device.allowMultipleAllocations) errors.push(...validateRequestPolicy(amount, at))
    else if (amount.requestPolicy) errors.push(forbidden(at, 'allowMultipleAllocations must be true'))
  }
  return [
    ...errors,
    ...validateList(device.taints, most.taints, validateTaint, `${path}.taints`),
    ...validateSet(
      device.consumesCounters,
      most.consumptions,
      ({ counterSet = '', counters }, at) =>
        validateCounters(counterSet, counters, `${at}.counterSet`, `${at}.counters`),
      ({ counterSet = '' }) => counterSet,
      `${path}.consumesCounters`,
    ),
    ...validatePlace(device, perDevice, path),
    ...validateBinding(device, path),
  ]
}
