import type { ConfigMap, Container, Pod, Secret } from '../types.ts'
import { valueInEnvFile } from './env-file.ts'
import { expand, lookupIn } from './expansion.ts'
import { fieldValue, type PodAddresses } from './fields.ts'
import { resourceValue, type Allocatable } from './resource-fields.ts'

/** Why the container cannot be configured; ends in CreateContainerConfigError with this very message. */
export class ConfigError extends Error {}

export interface EnvironmentInput extends PodAddresses {
  /** Undefined when there is no such object. */
  configMap(name: string): ConfigMap | undefined
  secret(name: string): Secret | undefined
  /** Of services, see services.ts. The container's own variables win. */
  services: ReadonlyMap<string, string>
  allocatable: Allocatable
  /** Text of a file in a volume of the pod. Throws where there is none. */
  file?: (volume: string, path: string) => string
}

export interface Environment {
  variables: { name: string; value: string }[]
  /** Keys that no environment can hold, one sentence per source: for an event. */
  skipped: string[]
}

/** The variables of one container, in the order of kubelet's makeEnvironmentVariables. */
export function containerEnvironment(pod: Pod, container: Container, input: EnvironmentInput): Environment {
  const result = new Map<string, string>()
  const skipped = fromSources(pod, container, input, result)
  // Only what is declared before (and services) is seen by $(NAME).
  const known = new Map(result)
  const lookup = lookupIn(known, input.services)
  for (const entry of container.env ?? []) {
    const value = entry.value ? expand(entry.value, lookup) : fromReference(pod, container, entry, input)
    if (value === undefined) continue
    known.set(entry.name, value)
    result.set(entry.name, value)
  }
  for (const [name, value] of input.services) if (!result.has(name)) result.set(name, value)
  return { variables: [...result].map(([name, value]) => ({ name, value })), skipped }
}

type Variable = NonNullable<Container['env']>[number]

/** Undefined when an optional source is absent. */
function fromReference(
  pod: Pod,
  container: Container,
  { valueFrom }: Variable,
  input: EnvironmentInput,
): string | undefined {
  if (!valueFrom) return ''
  const namespace = pod.metadata?.namespace ?? ''
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom
  const { fileKeyRef } = valueFrom as { fileKeyRef?: FileKey }
  if (fileKeyRef) return fromFile(fileKeyRef, input)
  if (fieldRef) return fieldValue(pod, fieldRef.fieldPath, input)
  if (resourceFieldRef) {
    const { containerName, resource, divisor } = resourceFieldRef
    const target = containerName ? pod.spec?.containers.find(({ name }) => name === containerName) : container
    if (!target) throw new ConfigError(`container ${containerName} not found`)
    return resourceValue(target, resource, divisor, input.allocatable)
  }
  if (configMapKeyRef) {
    const { name = '', key, optional } = configMapKeyRef
    const map = input.configMap(name)
    if (!map && optional) return undefined
    if (!map) throw new ConfigError(`configmap ${JSON.stringify(name)} not found`)
    const value = map.data?.[key]
    if (value === undefined && !optional)
      throw new ConfigError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`)
    return value
  }
  if (secretKeyRef) {
    const { name = '', key, optional } = secretKeyRef
    const secret = input.secret(name)
    if (!secret && optional) return undefined
    if (!secret) throw new ConfigError(`secret ${JSON.stringify(name)} not found`)
    const value = secret.data?.[key]
    if (value === undefined && !optional)
      throw new ConfigError(`couldn't find key ${key} in Secret ${namespace}/${name}`)
    return value === undefined ? undefined : decode(value)
  }
  return ''
}

/** Newer than the typed client. */
interface FileKey {
  readonly volumeName: string
  readonly path: string
  readonly key: string
  readonly optional?: boolean
}

/** Source: kubelet's makeEnvironmentVariables. */
function fromFile({ volumeName, path, key, optional }: FileKey, { file }: EnvironmentInput): string | undefined {
  let value: string | undefined
  try {
    value = file && valueInEnvFile(file(volumeName, path), key)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError("couldn't parse env file", { cause: error })
  }
  if (value === undefined && !optional)
    throw new ConfigError(`environment variable key ${JSON.stringify(key)} not found in file`)
  return value
}

function fromSources(pod: Pod, container: Container, input: EnvironmentInput, result: Map<string, string>): string[] {
  const namespace = pod.metadata?.namespace ?? ''
  const skipped: string[] = []
  const take = (entries: Iterable<readonly [string, string]>, prefix: string, source: string) => {
    const invalid: string[] = []
    for (const [key, value] of entries) {
      const name = prefix + key
      if (isVariableName(name)) result.set(name, value)
      else invalid.push(name)
    }
    if (!invalid.length) return
    const keys = `Keys [${invalid.sort().join(', ')}] from the EnvFrom ${source}`
    skipped.push(`${keys} were skipped since they are considered invalid environment variable names.`)
  }
  for (const { configMapRef, secretRef, prefix = '' } of container.envFrom ?? []) {
    if (configMapRef) {
      const { name = '', optional } = configMapRef
      const map = input.configMap(name)
      if (!map && !optional) throw new ConfigError(`configmap ${JSON.stringify(name)} not found`)
      take(Object.entries(map?.data ?? {}), prefix, `configMap ${namespace}/${name}`)
    } else if (secretRef) {
      const { name = '', optional } = secretRef
      const secret = input.secret(name)
      if (!secret && !optional) throw new ConfigError(`secret ${JSON.stringify(name)} not found`)
      const entries = Object.entries(secret?.data ?? {}).map(([key, value]) => [key, decode(value)] as const)
      take(entries, prefix, `secret ${namespace}/${name}`)
    }
  }
  return skipped
}

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8')
/** Since v1.34 any printable ASCII but `=`. */
const isVariableName = (name: string): boolean => /^[\x20-\x3c\x3e-\x7e]+$/.test(name)
