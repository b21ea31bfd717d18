import type { FieldError } from '#shared/kube/status.ts'
import { signOf } from '#shared/kube/quantity.ts'
import { validateClaimSpec } from '../persistent-volume-claim/validation.ts'
import { isLongIscsi, longIscsiText, oneTypeTooMany, validateShared, type Source } from '../volume/sources.ts'
import { asInvalid, duplicate, forbidden, invalid, notSupported, required } from '../../validation/field.ts'
import { dnsSubdomain, isDnsLabel } from '../../validation/names.ts'
import { nonReservedPath } from '../../validation/paths.ts'
import { quantity } from '../../validation/quantities.ts'
import { validateTemplateMetadata } from '../../validation/template-metadata.ts'
import { validateFieldRef, validateResourceFieldRef, volumeFields } from './environment.ts'
import type { Volume } from './types.ts'

const modeText = 'must be a number between 0 and 0777 (octal), both inclusive'
const mode = (value: number | undefined, path: string): FieldError[] =>
  value !== undefined && (value < 0 || value > 0o777) ? [invalid(path, value, modeText)] : []

/** Volumes of a pod (`podName`) or a template (no name). Answers the good ones by name, for the mounts. */
export function validateVolumes(
  volumes: readonly Volume[] | undefined,
  podName: string | undefined,
  isPod: boolean,
  path: string,
): { errors: FieldError[]; known: Map<string, Volume> } {
  const errors: FieldError[] = []
  const known = new Map<string, Volume>()
  const ownClaims = new Set(
    (volumes ?? []).filter((v) => podName && v.ephemeral).map((v) => `${podName}-${v.name ?? ''}`),
  )
  for (const [i, volume] of (volumes ?? []).entries()) {
    const at = `${path}[${i}]`
    const name = volume.name ?? ''
    const own = validateSource(volume, podName, isPod, at)
    own.push(...(name ? asInvalid(`${at}.name`, name, isDnsLabel(name)) : [required(`${at}.name`)]))
    if (known.has(name)) own.push(duplicate(`${at}.name`, name))
    if (own.length) errors.push(...own)
    else known.set(name, volume)
    const claim = volume.persistentVolumeClaim?.claimName
    if (claim && ownClaims.has(claim)) {
      errors.push(
        invalid(
          `${at}.persistentVolumeClaim.claimName`,
          claim,
          'must not reference a PVC that gets created for an ephemeral volume',
        ),
      )
    }
  }
  return { errors, known }
}

type Check = (volume: Volume, at: string, podName: string | undefined, isPod: boolean) => FieldError[]

const keysToPaths = (
  items: readonly { key?: string | undefined; path?: string | undefined; mode?: number | undefined }[] | undefined,
  path: string,
): FieldError[] =>
  (items ?? []).flatMap((item, i) => [
    ...(item.key ? [] : [required(`${path}[${i}].key`)]),
    ...nonReservedPath(item.path, `${path}[${i}].path`),
    ...mode(item.mode, `${path}[${i}].mode`),
  ])

/** What only pods' volumes have. */
const special: Readonly<Record<string, Check>> = {
  emptyDir: ({ emptyDir }, at) =>
    emptyDir!.sizeLimit !== undefined && signOf(quantity(emptyDir!.sizeLimit)) < 0
      ? [forbidden(`${at}.emptyDir.sizeLimit`, 'SizeLimit field must be a valid resource quantity')]
      : [],
  secret: ({ secret }, at) => [
    ...(secret!.secretName ? [] : [required(`${at}.secret.secretName`)]),
    ...mode(secret!.defaultMode, `${at}.secret.defaultMode`),
    ...keysToPaths(secret!.items, `${at}.secret.items`),
  ],
  persistentVolumeClaim: ({ persistentVolumeClaim }, at) =>
    persistentVolumeClaim!.claimName ? [] : [required(`${at}.persistentVolumeClaim.claimName`)],
  downwardAPI: ({ downwardAPI }, at) => [
    ...mode(downwardAPI!.defaultMode, `${at}.downwardAPI.defaultMode`),
    ...(downwardAPI!.items ?? []).flatMap((file) => downwardFile(file, `${at}.downwardAPI`)),
  ],
  configMap: ({ configMap }, at) => [
    ...(configMap!.name ? [] : [required(`${at}.configMap.name`)]),
    ...mode(configMap!.defaultMode, `${at}.configMap.defaultMode`),
    ...keysToPaths(configMap!.items, `${at}.configMap.items`),
  ],
  projected: ({ projected }, at) => validateProjected(projected!, `${at}.projected`),
  ephemeral: validateEphemeral,
  image: ({ image }, at, _pod, isPod) => {
    const policies = ['Always', 'IfNotPresent', 'Never']
    const policy = image!.pullPolicy ?? ''
    return [
      ...(isPod && !image!.reference ? [required(`${at}.image.reference`)] : []),
      ...(policy === ''
        ? [required(`${at}.image.pullPolicy`)]
        : policies.includes(policy)
          ? []
          : [notSupported(`${at}.image.pullPolicy`, policy, policies)]),
    ]
  },
}

/** In the order in which they are looked at: of several, the first one counts. */
const sources = [
  'emptyDir',
  'hostPath',
  'gitRepo',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'secret',
  'nfs',
  'iscsi',
  'glusterfs',
  'flocker',
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'quobyte',
  'downwardAPI',
  'fc',
  'flexVolume',
  'configMap',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'storageos',
  'projected',
  'scaleIO',
  'csi',
  'ephemeral',
  'image',
] as const

function validateSource(volume: Volume, podName: string | undefined, isPod: boolean, at: string): FieldError[] {
  const errors: FieldError[] = []
  const given = sources.filter((field) => (volume as Source)[field] !== undefined)
  for (const [i, field] of given.entries()) {
    const source = (volume as Source)[field] as Source
    if (i > 0) errors.push(oneTypeTooMany(field, at))
    else errors.push(...(special[field]?.(volume, at, podName, isPod) ?? validateShared(field, source, at, false)))
    if (field === 'iscsi' && isLongIscsi(source, volume.name ?? ''))
      errors.push(invalid(`${at}.name`, volume.name ?? '', longIscsiText))
  }
  if (!given.length) errors.push(required(at, 'must specify a volume type'))
  return errors
}

type DownwardFile = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number]

function downwardFile(file: DownwardFile, path: string): FieldError[] {
  const errors = nonReservedPath(file.path, `${path}.path`)
  if (file.fieldRef) {
    errors.push(...validateFieldRef(file.fieldRef, volumeFields, `${path}.fieldRef`))
    if (file.resourceFieldRef)
      errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'))
  } else if (file.resourceFieldRef)
    errors.push(...validateResourceFieldRef(file.resourceFieldRef, true, `${path}.resourceFieldRef`))
  else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'))
  errors.push(...mode(file.mode, `${path}.mode`))
  return errors
}

function validateProjected(projected: NonNullable<Volume['projected']>, path: string): FieldError[] {
  const errors = mode(projected.defaultMode, `${path}.defaultMode`)
  const paths = new Set<string>()
  const once = (file: string | undefined, shown: string | undefined) => {
    if (!file) return
    if (paths.has(file)) errors.push(invalid(path, shown ?? '', 'conflicting duplicate paths'))
    paths.add(file)
  }
  for (const [i, source] of (projected.sources ?? []).entries()) {
    const at = `${path}.sources[${i}]`
    const kinds = (['secret', 'configMap', 'downwardAPI', 'serviceAccountToken'] as const).filter(
      (kind) => source[kind],
    )
    for (const kind of ['secret', 'configMap'] as const) {
      const reference = source[kind]
      if (!reference) continue
      if (!reference.name) errors.push(required(`${at}.${kind}.name`))
      errors.push(...keysToPaths(reference.items, `${at}.${kind}.items`))
      for (const item of reference.items ?? []) once(item.path, reference.name)
    }
    for (const file of source.downwardAPI?.items ?? []) {
      errors.push(...downwardFile(file, `${at}.downwardAPI`))
      once(file.path, file.path)
    }
    const token = source.serviceAccountToken
    if (token) {
      const seconds = token.expirationSeconds ?? 0
      const field = `${at}.serviceAccountToken.expirationSeconds`
      if (seconds < 600) errors.push(invalid(field, seconds, 'may not specify a duration less than 10 minutes'))
      if (seconds > 2 ** 32) errors.push(invalid(field, seconds, 'may not specify a duration larger than 2^32 seconds'))
      errors.push(...nonReservedPath(token.path, `${path}.path`))
    }
    if (kinds.length > 1) errors.push(forbidden(at, 'may not specify more than 1 volume type per source'))
  }
  return errors
}

function validateEphemeral(volume: Volume, at: string, podName: string | undefined): FieldError[] {
  const template = volume.ephemeral!.volumeClaimTemplate
  const path = `${at}.ephemeral.volumeClaimTemplate`
  const errors: FieldError[] = []
  if (!template) errors.push(required(path))
  else {
    errors.push(...validateTemplateMetadata(template.metadata, `${path}.metadata`))
    errors.push(...validateClaimSpec(template.spec ?? {}, `${path}.spec`))
  }
  if (podName && volume.name) {
    const claim = `${podName}-${volume.name}`
    errors.push(
      ...dnsSubdomain(claim, false).map((text) =>
        invalid(`${at}.name`, volume.name, `PVC name ${JSON.stringify(claim)}: ${text}`),
      ),
    )
  }
  return errors
}
