import type { KubeObject } from '#shared/kube/object.ts'

/** What objects of its namespace a pod names. */
export interface PodReferences {
  readonly secrets: ReadonlySet<string>
  readonly configMaps: ReadonlySet<string>
  readonly claims: ReadonlySet<string>
  readonly resourceClaims: ReadonlySet<string>
}

interface PodLike extends KubeObject {
  spec?: {
    imagePullSecrets?: readonly { name?: string }[]
    containers?: unknown
    initContainers?: unknown
    ephemeralContainers?: unknown
    volumes?: readonly Record<string, unknown>[]
    resourceClaims?: readonly { name?: string; resourceClaimName?: string }[]
  }
  status?: {
    resourceClaimStatuses?: readonly { resourceClaimName?: string }[]
    extendedResourceClaimStatus?: { resourceClaimName?: string }
  }
}

/** Source: pkg/api/v1/pod/util.go, VisitPodSecretNames and VisitPodConfigmapNames. */
export function referencesOf(pod: KubeObject): PodReferences {
  const { metadata, spec = {}, status } = pod as PodLike
  const secrets = new Set(namesIn(spec.imagePullSecrets))
  const configMaps = new Set<string>()
  for (const part of [spec.containers, spec.initContainers, spec.ephemeralContainers, spec.volumes]) {
    visit(part, (field, value) => {
      if (/^(secret|nodePublishSecret|secretKey)Ref$/.test(field) || field === 'secret') add(secrets, value, 'name')
      if (field === 'secret' || field === 'azureFile') add(secrets, value, 'secretName')
      if (/^configMap(Key)?(Ref)?$/.test(field)) add(configMaps, value, 'name')
    })
  }
  const claims = new Set<string>()
  for (const volume of spec.volumes ?? []) {
    add(claims, volume.persistentVolumeClaim, 'claimName')
    if (volume.ephemeral) claims.add(`${metadata?.name}-${String(volume.name)}`)
  }
  const extended = status?.extendedResourceClaimStatus
  const resourceClaims = [
    ...(spec.resourceClaims ?? []),
    ...(status?.resourceClaimStatuses ?? []),
    ...(extended ? [extended] : []),
  ]
  return {
    secrets,
    configMaps,
    claims,
    resourceClaims: new Set(resourceClaims.flatMap(({ resourceClaimName: name }) => (name ? [name] : []))),
  }
}

/** Secrets that a volume's source names, as `namespace/name`; `home` for those that name no namespace. */
export function secretsOfVolume(source: unknown, home: string): Set<string> {
  const found = new Set<string>()
  visit(source, (field, value) => {
    const { name, namespace, secretName, secretNamespace } = value as Record<string, string | undefined>
    if (/[sS]ecretRef$/.test(field) && name) found.add(`${namespace || home}/${name}`)
    if (field === 'azureFile' && secretName) found.add(`${secretNamespace || home}/${secretName}`)
  })
  return found
}

const namesIn = (list: readonly { name?: string }[] | undefined): string[] =>
  (list ?? []).flatMap(({ name }) => (name ? [name] : []))

function add(names: Set<string>, value: unknown, field: string): void {
  const name = (value as Record<string, unknown> | undefined)?.[field]
  if (typeof name === 'string' && name) names.add(name)
}

/** Calls back for every field that holds an object. */
function visit(value: unknown, each: (field: string, value: object) => void): void {
  if (value === null || typeof value !== 'object') return
  for (const [field, inner] of Object.entries(value)) {
    if (inner === null || typeof inner !== 'object') continue
    if (!Array.isArray(value) && !Array.isArray(inner)) each(field, inner as object)
    visit(inner, each)
  }
}
