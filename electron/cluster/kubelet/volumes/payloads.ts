import { fieldValue, type PodAddresses } from '../environment/fields.ts'
import { resourceValue, type Allocatable } from '../environment/resource-fields.ts'
import { findContainer, type ConfigMap, type Pod, type Secret, type Volume } from '../types.ts'
import type { Payload, PayloadFile } from './atomic-writer.ts'

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number]
type Items = NonNullable<Volume['configMap']>['items']
type DownwardItems = NonNullable<Volume['downwardAPI']>['items']

/** Where the contents of volumes come from. */
export interface PayloadSources {
  configMap(name: string): Promise<ConfigMap | undefined>
  secret(name: string): Promise<Secret | undefined>
  token(source: NonNullable<Projection['serviceAccountToken']>): Promise<string>
  addresses: PodAddresses
  allocatable: Allocatable
}

/** The files of a volume that is made of API data; undefined for volumes that are not. */
export async function payloadOf(pod: Pod, volume: Volume, sources: PayloadSources): Promise<Payload | undefined> {
  const { configMap, secret, downwardAPI, projected } = volume
  if (configMap) {
    const { name = '', items, optional, defaultMode = 0o644 } = configMap
    return fromConfigMap(await sources.configMap(name), name, items, optional, defaultMode)
  }
  if (secret) {
    const { secretName = '', items, optional, defaultMode = 0o644 } = secret
    return fromSecret(await sources.secret(secretName), secretName, items, optional, defaultMode)
  }
  if (downwardAPI) return fromPod(pod, downwardAPI.items, downwardAPI.defaultMode ?? 0o644, sources)
  if (!projected) return undefined
  const files = new Map<string, PayloadFile>()
  for (const source of projected.sources ?? []) {
    for (const [file, content] of await fromProjection(pod, source, projected.defaultMode ?? 0o644, sources)) {
      files.set(file, content)
    }
  }
  return files
}

async function fromProjection(pod: Pod, source: Projection, mode: number, sources: PayloadSources): Promise<Payload> {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source
  if (configMap) {
    const { name = '', items, optional } = configMap
    return fromConfigMap(await sources.configMap(name), name, items, optional, mode)
  }
  if (secret) {
    const { name = '', items, optional } = secret
    return fromSecret(await sources.secret(name), name, items, optional, mode)
  }
  if (downwardAPI) return fromPod(pod, downwardAPI.items, mode, sources)
  // The API server keeps nothing of kinds behind gates that are shut.
  if (!serviceAccountToken) return new Map()
  // Readable by the container's user alone, or by the group that owns the volume.
  const group = pod.spec?.securityContext?.fsGroup !== undefined
  const data = Buffer.from(await sources.token(serviceAccountToken))
  return new Map([[serviceAccountToken.path, { data, mode: group ? 0o640 : mode }]])
}

function fromConfigMap(
  map: ConfigMap | undefined,
  name: string,
  items: Items,
  optional = false,
  mode: number,
): Payload {
  if (!map && !optional) throw new Error(`configmap ${JSON.stringify(name)} not found`)
  const data = new Map<string, Buffer>()
  for (const [key, text] of Object.entries(map?.data ?? {})) data.set(key, Buffer.from(text))
  for (const [key, base64] of Object.entries(map?.binaryData ?? {})) data.set(key, Buffer.from(base64, 'base64'))
  return select(data, items, optional, mode, 'configmap')
}

function fromSecret(secret: Secret | undefined, name: string, items: Items, optional = false, mode: number): Payload {
  if (!secret && !optional) throw new Error(`secret ${JSON.stringify(name)} not found`)
  const data = new Map<string, Buffer>()
  for (const [key, base64] of Object.entries(secret?.data ?? {})) data.set(key, Buffer.from(base64, 'base64'))
  return select(data, items, optional, mode, 'secret')
}

function select(data: Map<string, Buffer>, items: Items, optional: boolean, mode: number, what: string): Payload {
  if (!items) return new Map([...data].map(([key, content]) => [key, { data: content, mode }]))
  const files = new Map<string, PayloadFile>()
  for (const { key, path, mode: own } of items) {
    const content = data.get(key)
    if (content) files.set(path, { data: content, mode: own ?? mode })
    else if (!optional) throw new Error(`references non-existent ${what} key: ${key}`)
  }
  return files
}

function fromPod(pod: Pod, items: DownwardItems, mode: number, { addresses, allocatable }: PayloadSources): Payload {
  const files = new Map<string, PayloadFile>()
  for (const { path, fieldRef, resourceFieldRef, mode: own } of items ?? []) {
    let text = ''
    if (fieldRef) text = fieldValue(pod, fieldRef.fieldPath, addresses)
    else if (resourceFieldRef) {
      const found = findContainer(pod, resourceFieldRef.containerName ?? '')
      if (!found) throw new Error(`container ${resourceFieldRef.containerName} not found`)
      text = resourceValue(found.container, resourceFieldRef.resource, resourceFieldRef.divisor, allocatable)
    }
    files.set(path, { data: Buffer.from(text), mode: own ?? mode })
  }
  return files
}
