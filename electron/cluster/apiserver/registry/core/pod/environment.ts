import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, invalid, notFound, notSupported, required } from '../../validation/field.ts'
import { dnsSubdomain, isConfigMapKey, isDnsLabel, isEnvVarName, isQualifiedName } from '../../validation/names.ts'
import { withoutBacksteps } from '../../validation/paths.ts'
import { allContainers, type Container, type PodSpec } from './types.ts'

type EnvVar = NonNullable<Container['env']>[number]
type EnvSource = NonNullable<EnvVar['valueFrom']> & { fileKeyRef?: FileKeyRef | undefined }
type FieldRef = NonNullable<EnvSource['fieldRef']>
type ResourceFieldRef = NonNullable<EnvSource['resourceFieldRef']>
interface FileKeyRef {
  volumeName?: string | undefined
  path?: string | undefined
  key?: string | undefined
}

const envFields = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]
export const volumeFields = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
]
/** What ConvertDownwardAPIFieldLabel knows; others are no fields of a pod at all. */
const knownFields = new Set([...envFields, ...volumeFields, 'spec.restartPolicy', 'spec.schedulerName', 'status.phase'])

export function validateEnv(variables: readonly EnvVar[] | undefined, path: string): FieldError[] {
  return (variables ?? []).flatMap((variable, i) => {
    const at = `${path}[${i}]`
    const errors = variable.name
      ? asInvalid(`${at}.name`, variable.name, isEnvVarName(variable.name))
      : [required(`${at}.name`)]
    if (variable.valueFrom)
      errors.push(...validateValueFrom(variable, variable.valueFrom as EnvSource, `${at}.valueFrom`))
    return errors
  })
}

function validateValueFrom(variable: EnvVar, source: EnvSource, path: string): FieldError[] {
  const errors: FieldError[] = []
  let sources = 0
  if (source.fieldRef) {
    sources++
    errors.push(...validateFieldRef(source.fieldRef, envFields, `${path}.fieldRef`))
  }
  if (source.resourceFieldRef) {
    sources++
    errors.push(...validateResourceFieldRef(source.resourceFieldRef, false, `${path}.resourceFieldRef`))
  }
  for (const name of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const reference = source[name]
    if (!reference) continue
    sources++
    errors.push(...asInvalid(`${path}.${name}.name`, reference.name ?? '', dnsSubdomain(reference.name ?? '', false)))
    errors.push(...validateKey(reference.key, `${path}.${name}.key`))
  }
  if (source.fileKeyRef) {
    sources++
    errors.push(...validateFileKeyRef(source.fileKeyRef, `${path}.fileKeyRef`))
  }
  if (!sources) {
    errors.push(
      invalid(
        path,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ),
    )
  } else if (variable.value) errors.push(invalid(path, '', 'may not be specified when `value` is not empty'))
  else if (sources > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'))
  return errors
}

/** Source: validateFileKeySelector. */
const validateFileKeyRef = ({ volumeName, path: file, key }: FileKeyRef, path: string): FieldError[] => [
  ...(volumeName
    ? asInvalid(`${path}.volumeName`, volumeName, isDnsLabel(volumeName))
    : [required(`${path}.volumeName`)]),
  ...(file ? withoutBacksteps(file, `${path}.path`) : [required(`${path}.path`)]),
  ...(key ? asInvalid(`${path}.key`, key, isEnvVarName(key)) : [required(`${path}.key`)]),
]

/** Variables come out of files in the pod's own empty directories. Source: validateFileKeyRefVolumes. */
export function validateFileKeyVolumes(spec: PodSpec, path: string): FieldError[] {
  return allContainers(spec).flatMap(({ path: at, container }) =>
    (container.env ?? []).flatMap(({ valueFrom }, i) => {
      const name = (valueFrom as EnvSource | undefined)?.fileKeyRef?.volumeName
      if (!name) return []
      const field = `${path}.${at}.env[${i}].valueFrom.fileKeyRef.volumeName`
      const volume = spec.volumes?.find((each) => each.name === name)
      if (!volume) return [notFound(field, name)]
      return volume.emptyDir ? [] : [invalid(field, name, 'referenced volume must be of type emptyDir')]
    }),
  )
}

const validateKey = (key: string | undefined, path: string): FieldError[] =>
  key ? asInvalid(path, key, isConfigMapKey(key)) : [required(path)]

/** A field of the pod, of those that the place (environment or volume) allows. */
export function validateFieldRef(reference: FieldRef, allowed: readonly string[], path: string): FieldError[] {
  if (!reference.apiVersion) return [required(`${path}.apiVersion`)]
  const written = reference.fieldPath ?? ''
  // A name of old.
  const field = written === 'spec.host' ? 'spec.nodeName' : written
  if (!field) return [required(`${path}.fieldPath`)]
  const subscripted = /^(.*)\['(.*)'\]$/.exec(field)
  const name = subscripted ? subscripted[1]! : field
  const wrong = (text: string) => [invalid(`${path}.fieldPath`, field, `error converting fieldPath: ${text}`)]
  if (reference.apiVersion !== 'v1') return wrong(`unsupported pod version: ${reference.apiVersion}`)
  if (subscripted && name !== 'metadata.annotations' && name !== 'metadata.labels')
    return wrong(`field label does not support subscript: ${field}`)
  if (!subscripted && !knownFields.has(field)) return wrong(`field label not supported: ${field}`)
  if (subscripted) {
    const key = name === 'metadata.annotations' ? subscripted[2]!.toLowerCase() : subscripted[2]!
    return asInvalid(path, key, isQualifiedName(key))
  }
  return allowed.includes(field) ? [] : [notSupported(`${path}.fieldPath`, field, allowed)]
}

const resourceFields = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
]
const isHugePagesField = (name: string): boolean => /^(requests|limits)\.hugepages-/.test(name)
const byteDivisors = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']

export function validateResourceFieldRef(reference: ResourceFieldRef, volume: boolean, path: string): FieldError[] {
  const resource = reference.resource ?? ''
  const errors: FieldError[] = []
  if (volume && !reference.containerName) errors.push(required(`${path}.containerName`))
  else if (!resource) errors.push(required(`${path}.resource`))
  else if (!resourceFields.includes(resource) && !isHugePagesField(resource)) {
    errors.push(notSupported(`${path}.resource`, resource, resourceFields))
  }
  const divisor = reference.divisor ?? '0'
  if (divisor === '0') return errors
  const bytes = resource.endsWith('.memory')
    ? 'memory'
    : resource.endsWith('.ephemeral-storage')
      ? 'local ephemeral storage'
      : isHugePagesField(resource)
        ? 'hugepages'
        : undefined
  if (resource.endsWith('.cpu') && divisor !== '1' && divisor !== '1m') {
    errors.push(
      invalid(`${path}.divisor`, resource, "only divisor's values 1m and 1 are supported with the cpu resource"),
    )
  }
  if (bytes && !byteDivisors.includes(divisor)) {
    errors.push(
      invalid(
        `${path}.divisor`,
        resource,
        `only divisor's values ${byteDivisors.join(', ')} are supported with the ${bytes} resource`,
      ),
    )
  }
  return errors
}

export function validateEnvFrom(sources: Container['envFrom'], path: string): FieldError[] {
  return (sources ?? []).flatMap((source, i) => {
    const at = `${path}[${i}]`
    const errors = source.prefix ? asInvalid(`${at}.prefix`, source.prefix, isEnvVarName(source.prefix)) : []
    const given = (['configMapRef', 'secretRef'] as const).filter((name) => source[name])
    for (const name of given) {
      const target = source[name]!.name
      errors.push(
        ...(target
          ? asInvalid(`${at}.${name}.name`, target, dnsSubdomain(target, true))
          : [required(`${at}.${name}.name`)]),
      )
    }
    if (!given.length) errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'))
    else if (given.length > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'))
    return errors
  })
}
