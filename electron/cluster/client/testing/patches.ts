import jsonPatch, { type Operation } from 'fast-json-patch'
import type { PatchType } from '../api.ts'

type Json = Record<string, unknown>

/**
 * The patch types as far as unit tests need them. Strategic merge knows the merge keys of the built-in kinds by the
 * shape of their lists, where the API server reads them from the schema.
 */
export function applyPatch(object: object, patch: PatchType, body: unknown): Json {
  const copy = structuredClone(object) as Json
  if (patch === 'json') return jsonPatch.applyPatch(copy, structuredClone(body) as Operation[], true).newDocument
  return merge(copy, structuredClone(body) as Json, patch !== 'merge')
}

function merge(target: Json, patch: Json, strategic: boolean): Json {
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue
    const old = target[key]
    if (value === null) delete target[key]
    else if (strategic && Array.isArray(value)) target[key] = mergeList(Array.isArray(old) ? old : [], value, key)
    else if (isObject(value)) target[key] = merge(isObject(old) ? old : {}, value, strategic)
    else target[key] = value
  }
  for (const [key, value] of Object.entries(patch)) {
    const list = key.startsWith('$deleteFromPrimitiveList/') ? key.slice('$deleteFromPrimitiveList/'.length) : undefined
    if (list && Array.isArray(target[list]))
      target[list] = target[list].filter((item) => !(value as unknown[]).includes(item))
  }
  return target
}

/** Lists that are replaced or whose key is not what the shape suggests. */
const mergeKeys: Readonly<Record<string, string>> = {
  conditions: 'type',
  ownerReferences: 'uid',
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  imagePullSecrets: 'name',
  addresses: 'type',
  podIPs: 'ip',
  reservedFor: 'uid',
  resourceClaimStatuses: 'name',
  hostIPs: 'ip',
}

function mergeList(old: unknown[], patch: unknown[], name: string): unknown[] {
  if (name === 'finalizers') return [...new Set([...old, ...patch])]
  const key = name === 'ports' ? portKey(patch) : mergeKeys[name]
  if (!key) return patch
  let result = [...old] as Json[]
  for (const item of patch as Json[]) {
    const at = result.findIndex((other) => other[key] === item[key])
    if (item['$patch'] === 'replace') result = []
    else if (item['$patch'] === 'delete') result = result.filter((_, index) => index !== at)
    else if (at >= 0) result[at] = merge({ ...result[at] }, item, true)
    else result.push(merge({}, item, true))
  }
  return result
}

const portKey = (ports: unknown[]): string =>
  isObject(ports[0]) && 'containerPort' in ports[0] ? 'containerPort' : 'port'

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
