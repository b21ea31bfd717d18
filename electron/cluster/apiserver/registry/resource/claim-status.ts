import type { FieldError } from '#shared/kube/status.ts'
import { validateNodeSelector } from '../core/pod/scheduling.ts'
import { validateConditions } from '../validation/conditions.ts'
import {
  asInvalid,
  forbidden,
  invalid,
  invalidUnshown,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { canonicalIp, parseCidr } from '../validation/ips.ts'
import { isDnsLabel } from '../validation/names.ts'
import { validateBinding } from './device.ts'
import {
  requestNames,
  validateNames,
  validateObject,
  validateOpaque,
  validateReference,
  type Names,
} from './devices.ts'
import { validateDriver, validateList, validatePoolName, validateSet } from './names.ts'
import type { AllocatedDevice, Allocation, ClaimConsumer, DeviceStatus, ResourceClaim } from '#shared/kube/devices.ts'

const most = { consumers: 256, results: 32, configurations: 64, conditions: 8, ips: 16 }
const longest = { interface: 256, hardwareAddress: 128 }

const idOf = ({ driver = '', pool = '', device = '', shareID }: AllocatedDevice): string =>
  [driver, pool, device, ...(shareID === undefined ? [] : [shareID])].join('/')

/** What was said of devices goes when they are given back. Source: dropDeallocatedStatusDevices. */
export function dropDeallocated({ status }: ResourceClaim, { status: before }: ResourceClaim): void {
  if (!status?.devices) return
  const had = new Set((before?.allocation?.devices?.results ?? []).map(idOf))
  for (const result of status.allocation?.devices?.results ?? []) had.delete(idOf(result))
  const left = status.devices.filter((each) => !had.has(idOf(each)))
  if (left.length) status.devices = left
  else delete status.devices
}

/** Source: ValidateResourceClaimStatusUpdate. */
export function validateClaimStatus(
  { metadata, spec = {}, status = {} }: ResourceClaim,
  old: ResourceClaim,
): FieldError[] {
  const { allocation, reservedFor = [], devices = [] } = status
  const { allocation: before, reservedFor: consumers = [] } = old.status ?? {}
  const allocated = new Set((allocation?.devices?.results ?? []).map(idOf))
  const errors = [
    ...validateSet(reservedFor, most.consumers, validateConsumer, ({ uid = '' }) => uid, 'status.reservedFor'),
    ...validateSet(devices, Infinity, (each, at) => validateDevice(each, allocated, at), idOf, 'status.devices'),
  ]
  if (reservedFor.length && !allocation)
    errors.push(forbidden('status.reservedFor', 'may not be specified when `allocated` is not set'))
  else if (metadata?.deletionTimestamp && reservedFor.some(({ uid }) => consumers.every((each) => each.uid !== uid))) {
    const text = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'
    errors.push(forbidden('status.reservedFor', text))
  }
  if (!allocation) return errors
  // What is allocated stays as it is until it is given back.
  return before
    ? [...errors, ...validateImmutable(allocation, before, 'status.allocation')]
    : [...errors, ...validateAllocation(allocation, requestNames(spec), 'status.allocation')]
}

const validateConsumer = (consumer: ClaimConsumer, at: string): FieldError[] =>
  (['resource', 'name', 'uid'] as const).flatMap((field) => (consumer[field] ? [] : [required(`${at}.${field}`)]))

function validateId({ driver, pool = '', device = '' }: AllocatedDevice, at: string): FieldError[] {
  return [
    ...validateDriver(driver, `${at}.driver`),
    ...validatePoolName(pool, `${at}.pool`),
    ...(device ? asInvalid(`${at}.device`, device, isDnsLabel(device)) : [required(`${at}.device`)]),
  ]
}

function validateAllocation({ devices = {}, nodeSelector }: Allocation, known: Names, path: string): FieldError[] {
  const sources = ['FromClaim', 'FromClass']
  return [
    ...validateList(
      devices.results,
      most.results,
      (result, at) => [
        ...validateReference(result.request ?? '', known, `${at}.request`),
        ...validateId(result, at),
        ...validateBinding(result, at),
      ],
      `${path}.devices.results`,
    ),
    ...validateList(
      devices.config,
      most.configurations,
      (config, at) => [
        ...(config.source ? [] : [required(`${at}.source`)]),
        ...(!config.source || sources.includes(config.source)
          ? []
          : [notSupported(`${at}.source`, config.source, sources)]),
        ...validateNames(config.requests, known, `${at}.requests`),
        ...validateOpaque(config, at),
      ],
      `${path}.devices.config`,
    ),
    ...(nodeSelector ? validateNodeSelector(nodeSelector, `${path}.nodeSelector`) : []),
  ]
}

/** What a driver says of a device. Source: validateDeviceStatus. */
function validateDevice(status: DeviceStatus, allocated: ReadonlySet<string>, at: string): FieldError[] {
  const { conditions = [], data, networkData } = status
  const errors = validateId(status, at)
  const id = idOf(status)
  if (!allocated.has(id)) errors.push(invalidUnshown(at, `${id}: must be an allocated device in the claim`))
  if (conditions.length > most.conditions) errors.push(tooMany(`${at}.conditions`, conditions.length, most.conditions))
  errors.push(...validateConditions(conditions, `${at}.conditions`))
  if (data !== undefined) errors.push(...validateObject(data, `${at}.data`))
  if (!networkData) return errors
  const { interfaceName = '', hardwareAddress = '', ips } = networkData
  const path = `${at}.networkData`
  if (interfaceName.length > longest.interface) errors.push(tooLong(`${path}.interfaceName`, longest.interface))
  if (hardwareAddress.length > longest.hardwareAddress)
    errors.push(tooLong(`${path}.hardwareAddress`, longest.hardwareAddress))
  return [...errors, ...validateSet(ips, most.ips, validateInterfaceAddress, (ip) => ip, `${path}.ips`)]
}

/** Source: IsValidInterfaceAddress. */
function validateInterfaceAddress(text: string, at: string): FieldError[] {
  const read = parseCidr(text)
  if (!read) return [invalid(at, text, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')]
  const canonical = `${canonicalIp(read.address)}/${read.bits}`
  return text === canonical ? [] : [invalid(at, text, `must be in canonical form ("${canonical}")`)]
}
