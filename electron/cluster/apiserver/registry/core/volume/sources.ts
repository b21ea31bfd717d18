import type { FieldError } from '#shared/kube/status.ts'
import { entries } from '../../loose.ts'
import { asInvalid, forbidden, invalid, notSupported, required, tooLong } from '../../validation/field.ts'
import { dnsLabel, isDnsLabel, isDnsSubdomain } from '../../validation/names.ts'
import { inclusiveRange } from '../../validation/numbers.ts'
import { descendingPath, withoutBacksteps } from '../../validation/paths.ts'

/** Sources that pods' volumes and persistent volumes share. Persistent ones name the namespace of their secrets. */
export type Source = Readonly<Record<string, unknown>>
type Check = (source: Source, path: string, persistent: boolean) => FieldError[]

const text = (source: Source, name: string): string => (source[name] as string | undefined) ?? ''
const number = (source: Source, name: string): number => (source[name] as number | undefined) ?? 0
const list = (source: Source, name: string): unknown[] => (source[name] as unknown[] | undefined) ?? []
const needs =
  (...names: string[]): Check =>
  (source, path) =>
    names.filter((name) => !text(source, name)).map((name) => required(`${path}.${name}`))

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
]

const hostPath: Check = (source, path) => {
  const where = text(source, 'path')
  if (!where) return [required(`${path}.path`)]
  const type = source.type as string | undefined
  return [
    ...withoutBacksteps(where, `${path}.path`),
    ...(type !== undefined && !hostPathTypes.includes(type) ? [notSupported(`${path}.type`, type, hostPathTypes)] : []),
  ]
}

const nfs: Check = (source, path, persistent) => [
  ...needs('server', 'path')(source, path, persistent),
  ...(text(source, 'path').startsWith('/')
    ? []
    : [invalid(`${path}.path`, text(source, 'path'), 'must be an absolute path')]),
]

const partition = (source: Source, path: string): FieldError[] => {
  const value = number(source, 'partition')
  return value < 0 || value > 255 ? [invalid(`${path}.partition`, value, inclusiveRange(1, 255))] : []
}

const lun = (value: number, path: string): FieldError[] =>
  value < 0 || value > 255 ? [invalid(`${path}.lun`, value, inclusiveRange(0, 255))] : []

const iscsiForms = [
  /iqn\.\d{4}-\d{2}\.([A-Za-z0-9-.]+)(:[^,;*&$|\s]+)$/,
  /^eui.[A-Za-z0-9]{16}$/,
  /^naa.[A-Za-z0-9]{32}$/,
]
function iscsiName(value: string, path: string, prefixText: string): FieldError[] {
  const form = ['iqn', 'eui', 'naa'].findIndex((prefix) => value.startsWith(prefix))
  if (form < 0) return [invalid(path, value, prefixText)]
  return iscsiForms[form]!.test(value) ? [] : [invalid(path, value, 'must be valid format')]
}

const iscsi: Check = (source, path, persistent) => {
  const startsWith = persistent ? 'must be valid format' : 'must be valid format starting with iqn, eui, or naa'
  const errors = needs('targetPortal')(source, path, persistent)
  errors.push(
    ...(text(source, 'iqn') ? iscsiName(text(source, 'iqn'), `${path}.iqn`, startsWith) : [required(`${path}.iqn`)]),
  )
  errors.push(...lun(number(source, 'lun'), path))
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef)
    errors.push(required(`${path}.secretRef`))
  if (persistent && source.secretRef)
    errors.push(...needs('name')(source.secretRef as Source, `${path}.secretRef`, persistent))
  if (source.initiatorName !== undefined)
    errors.push(...iscsiName(text(source, 'initiatorName'), `${path}.initiatorname`, startsWith))
  return errors
}

/** The initiator's name is made of the volume's name and the portal. */
export const isLongIscsi = (source: Source, volumeName: string): boolean =>
  source.initiatorName !== undefined && Buffer.byteLength(`${volumeName}:${text(source, 'targetPortal')}`) > 64
export const longIscsiText =
  'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.'

const fc: Check = (source, path) => {
  const targets = list(source, 'targetWWNs')
  const wwids = list(source, 'wwids')
  const errors: FieldError[] = []
  if (!targets.length && !wwids.length)
    errors.push(required(`${path}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both'))
  if (targets.length && wwids.length)
    errors.push(invalid(`${path}.targetWWNs`, targets, 'targetWWNs and wwids can not be specified simultaneously'))
  if (targets.length) {
    if (source.lun === undefined) errors.push(required(`${path}.lun`, 'lun is required if targetWWNs is specified'))
    else errors.push(...lun(number(source, 'lun'), path))
  }
  return errors
}

const secretRef = (source: Source, path: string, persistent: boolean): FieldError[] => {
  const reference = source.secretRef as Source | undefined
  return reference
    ? needs('name', ...(persistent ? ['namespace'] : []))(reference, `${path}.secretRef`, persistent)
    : []
}

const flocker: Check = (source, path) => {
  const name = text(source, 'datasetName')
  const uuid = text(source, 'datasetUUID')
  return [
    ...(!name && !uuid ? [required(path, 'one of datasetName and datasetUUID is required')] : []),
    ...(name && uuid
      ? [invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously')]
      : []),
    ...(name.includes('/') ? [invalid(`${path}.datasetName`, name, "must not contain '/'")] : []),
  ]
}

const quobyte: Check = (source, path, persistent) => {
  const pairs = 'must be a host:port pair or multiple pairs separated by commas'
  const registry = text(source, 'registry')
  const errors: FieldError[] = []
  if (!registry) errors.push(required(`${path}.registry`, pairs))
  else if (text(source, 'tenant').length >= 65)
    errors.push(required(`${path}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'))
  else
    errors.push(
      ...registry
        .split(',')
        .filter((pair) => !/^(\[[^\]]*\]|[^:]*):[^:]*$/.test(pair))
        .map(() => invalid(`${path}.registry`, registry, pairs)),
    )
  return [...errors, ...needs('volume')(source, path, persistent)]
}

const flexVolume: Check = (source, path, persistent) => [
  ...needs('driver')(source, path, persistent),
  ...entries(source.options as Record<string, string> | undefined).flatMap(([key]) =>
    /\.(kubernetes|k8s)\.io$/.test(`.${key.split('/')[0]!.toLowerCase()}`)
      ? [invalid(`${path}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved')]
      : [],
  ),
]

const storageOS: Check = (source, path, persistent) => {
  const name = text(source, 'volumeName')
  const namespace = text(source, 'volumeNamespace')
  return [
    ...(name ? asInvalid(`${path}.volumeName`, name, isDnsLabel(name)) : [required(`${path}.volumeName`)]),
    ...(namespace ? asInvalid(`${path}.volumeNamespace`, namespace, isDnsLabel(namespace)) : []),
    ...secretRef(source, path, persistent),
  ]
}

const azureDisk: Check = (source, path, persistent) => {
  const kind = source.kind as string | undefined
  const caching = source.cachingMode as string | undefined
  const uri = text(source, 'diskURI')
  const errors = needs('diskName', 'diskURI')(source, path, persistent)
  if (caching !== undefined && !['None', 'ReadOnly', 'ReadWrite'].includes(caching))
    errors.push(notSupported(`${path}.cachingMode`, caching, ['None', 'ReadOnly', 'ReadWrite']))
  if (kind !== undefined && !['Dedicated', 'Managed', 'Shared'].includes(kind))
    errors.push(notSupported(`${path}.kind`, kind, ['Dedicated', 'Managed', 'Shared']))
  if (kind === 'Managed' && !uri.startsWith('/subscriptions/'))
    errors.push(
      notSupported(`${path}.diskURI`, uri, [
        '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}',
      ]),
    )
  if (kind !== undefined && kind !== 'Managed' && !uri.startsWith('https://'))
    errors.push(
      notSupported(`${path}.diskURI`, uri, [
        'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd',
      ]),
    )
  return errors
}

export function validateCsiDriverName(name: string | undefined, path: string): FieldError[] {
  const driver = name ?? ''
  if (!driver) return [required(path)]
  return [
    ...(driver.length > 63 ? [tooLong(path, 63)] : []),
    ...asInvalid(path, driver, isDnsSubdomain(driver.toLowerCase())),
  ]
}

const csi: Check = (source, path, persistent) => {
  const errors = validateCsiDriverName(text(source, 'driver'), `${path}.driver`)
  if (persistent) errors.push(...needs('volumeHandle')(source, path, persistent))
  const references = persistent
    ? ['controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef']
    : ['nodePublishSecretRef']
  for (const name of references) {
    const reference = source[name] as Source | undefined
    if (!reference) continue
    const secret = text(reference, 'name')
    const namePath = persistent ? `${path}.${name}.name` : `${path}.name`
    errors.push(...(secret ? asInvalid(namePath, secret, isDnsSubdomain(secret)) : [required(`${path}.${name}.name`)]))
    if (!persistent) continue
    const namespace = text(reference, 'namespace')
    errors.push(
      ...(namespace
        ? asInvalid(`${path}.${name}.namespace`, namespace, isDnsLabel(namespace))
        : [required(`${path}.${name}.namespace`)]),
    )
  }
  return errors
}

const glusterfs: Check = (source, path, persistent) => {
  const errors = needs('endpoints', 'path')(source, path, persistent)
  const namespace = source.endpointsNamespace as string | undefined
  if (persistent && namespace !== undefined) {
    const at = `${path}.endpointsNamespace`
    errors.push(
      ...(namespace === ''
        ? [invalid(at, namespace, 'if the endpointnamespace is set, it must be a valid namespace name')]
        : asInvalid(at, namespace, dnsLabel(namespace, false))),
    )
  }
  return errors
}

/** The name that errors speak of, and what is checked. */
type Shared = readonly [shown: string, check: Check]

const shared: Readonly<Record<string, Shared>> = {
  hostPath: ['hostPath', hostPath],
  gitRepo: [
    'gitRepo',
    (source, path, persistent) => [
      ...needs('repository')(source, path, persistent),
      ...descendingPath(text(source, 'directory'), `${path}.directory`),
    ],
  ],
  gcePersistentDisk: [
    'persistentDisk',
    (source, path, persistent) => [...needs('pdName')(source, path, persistent), ...partition(source, path)],
  ],
  awsElasticBlockStore: [
    'awsElasticBlockStore',
    (source, path, persistent) => [...needs('volumeID')(source, path, persistent), ...partition(source, path)],
  ],
  nfs: ['nfs', nfs],
  iscsi: ['iscsi', iscsi],
  glusterfs: ['glusterfs', glusterfs],
  flocker: ['flocker', flocker],
  rbd: [
    'rbd',
    (source, path) => [
      ...(list(source, 'monitors').length ? [] : [required(`${path}.monitors`)]),
      ...(text(source, 'image') ? [] : [required(`${path}.image`)]),
    ],
  ],
  cinder: [
    'cinder',
    (source, path, persistent) => [
      ...needs('volumeID')(source, path, persistent),
      ...secretRef(source, path, persistent),
    ],
  ],
  cephfs: ['cephfs', (source, path) => (list(source, 'monitors').length ? [] : [required(`${path}.monitors`)])],
  quobyte: ['quobyte', quobyte],
  fc: ['fc', fc],
  flexVolume: ['flexVolume', flexVolume],
  azureFile: [
    'azureFile',
    (source, path, persistent) => [
      ...needs('secretName', 'shareName')(source, path, persistent),
      ...(persistent && source.secretNamespace === '' ? [required(`${path}.secretNamespace`)] : []),
    ],
  ],
  vsphereVolume: ['vsphereVolume', needs('volumePath')],
  photonPersistentDisk: ['photonPersistentDisk', needs('pdID')],
  portworxVolume: ['portworxVolume', needs('volumeID')],
  azureDisk: ['azureDisk', azureDisk],
  storageos: ['storageos', storageOS],
  scaleIO: ['scaleIO', needs('gateway', 'system', 'volumeName')],
  csi: ['csi', csi],
  local: [
    'local',
    (source, path) =>
      text(source, 'path') ? withoutBacksteps(text(source, 'path'), `${path}.path`) : [required(`${path}.path`)],
  ],
}

/** Fields of a persistent volume's source, in the order in which they are looked at. */
export const persistentSources: readonly string[] = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'flocker',
  'nfs',
  'rbd',
  'quobyte',
  'cephfs',
  'iscsi',
  'cinder',
  'fc',
  'flexVolume',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'scaleIO',
  'local',
  'storageos',
  'csi',
]

/** What is wrong with the source in a field that pods' volumes and persistent volumes share. */
export function validateShared(field: string, source: Source, path: string, persistent: boolean): FieldError[] {
  const [shown, check] = shared[field]!
  return check(source, `${path}.${shown}`, persistent)
}

const oddNames: Readonly<Record<string, string>> = { cephfs: 'cephFS', downwardAPI: 'downwarAPI' }

/** Of several sources all but the first are refused, under upstream's names for them. */
export const oneTypeTooMany = (field: string, path: string): FieldError =>
  forbidden(`${path}.${oddNames[field] ?? field}`, 'may not specify more than 1 volume type')
