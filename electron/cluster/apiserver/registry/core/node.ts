import type * as v1 from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { nodeAddress, nodeRoles, nodeStatus } from '#shared/kube/summaries/node.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import { semanticEqual } from '../equal.ts'
import type { KindDefinition } from '../kind.ts'
import { entries, type Loose } from '../loose.ts'
import { connector, status } from '../subresources.ts'
import { asInvalid, duplicate, forbidden, internalError, invalid, notSupported, required } from '../validation/field.ts'
import { parseCidr, validateCidr } from '../validation/ips.ts'
import { validateLabelName } from '../validation/labels.ts'
import { dnsLabel, dnsSubdomain, isConfigMapKey, isLabelValue } from '../validation/names.ts'
import { validateResourceValue } from '../validation/resources.ts'
import { effects } from './pod/scheduling.ts'

type Taint = Loose<v1.Taint>
export type Node = KubeObject & { spec?: Loose<v1.NodeSpec>; status?: Loose<v1.NodeStatus> }

function validateTaints(taints: readonly Taint[], path: string): FieldError[] {
  const seen = new Set<string>()
  return taints.flatMap((taint, i) => {
    const at = `${path}[${i}]`
    const { key = '', value = '', effect = '' } = taint
    const errors = validateLabelName(key, `${at}.key`)
    const wrong = isLabelValue(value)
    if (wrong.length) errors.push(invalid(`${at}.value`, value, wrong.join(';')))
    if (!effect) errors.push(required(`${at}.effect`))
    else if (!effects.includes(effect)) errors.push(notSupported(`${at}.effect`, effect, effects))
    if (seen.has(`${effect}/${key}`)) {
      const error = duplicate(at, { Key: key, Value: value, Effect: effect, TimeAdded: null })
      errors.push({ ...error, message: `${error.message}: taints must be unique by key and effect pair` })
    }
    seen.add(`${effect}/${key}`)
    return errors
  })
}

const ownTaints = ({ spec }: Node): FieldError[] => validateTaints(spec?.taints ?? [], 'metadata.taints')

const taintsAnnotation = 'scheduler.alpha.kubernetes.io/taints'

/** Taints of old, written as JSON. Source: ValidateTaintsInNodeAnnotations. */
function validateAnnotatedTaints({ metadata }: Node): FieldError[] {
  const text = metadata?.annotations?.[taintsAnnotation]
  const path = 'metadata.annotations'
  if (!text) return []
  try {
    return validateTaints(JSON.parse(text) as Taint[], `${path}.${taintsAnnotation}`)
  } catch (error) {
    return [invalid(path, taintsAnnotation, (error as Error).message)]
  }
}

const validateResources = ({ status: now }: Node): FieldError[] =>
  (['capacity', 'allocatable'] as const).flatMap((list) =>
    entries(now?.[list]).flatMap(([name, value]) => validateResourceValue(name, value, `status.${list}.${name}`)),
  )

/** Source: ValidateNode. */
function validate(node: Node): FieldError[] {
  const errors = [
    ...validateAnnotatedTaints(node),
    ...ownTaints(node),
    ...validateResources(node),
    ...validateSwap(node),
    ...validateDeclaredFeatures(node),
  ]
  const path = 'spec.podCIDRs'
  const ranges = node.spec?.podCIDRs ?? []
  for (const [i, range] of ranges.entries()) errors.push(...validateCidr(range, `${path}[${i}]`))
  if (ranges.length < 2) return errors
  const wrong = ranges.find((range) => !parseCidr(range))
  if (wrong !== undefined) {
    const text = `invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR address: ${wrong}`
    errors.push(internalError(path, text))
  }
  const families = new Set(ranges.map((range) => range.includes(':')))
  if (wrong !== undefined || families.size < 2 || ranges.length > 2) {
    errors.push(invalid(path, ranges, 'may specify no more than one CIDR for each IP family'))
  }
  return errors
}

function validateSwap({ status: now }: Node): FieldError[] {
  const { capacity } = (now?.nodeInfo as { swap?: { capacity?: number } } | undefined)?.swap ?? {}
  return capacity !== undefined && capacity <= 0
    ? [invalid('metadata.nodeSwapStatus.capacity', capacity, 'must be greater than zero')]
    : []
}

interface ConfigSource {
  configMap?: Readonly<Record<string, string | undefined>>
}

/** Where a kubelet once took its configuration from. Source: validateNodeConfigSourceSpec and …Status. */
function validateConfigSource(source: ConfigSource, isStatus: boolean, path: string): FieldError[] {
  const map = source.configMap
  if (!map) return [invalid(path, source, 'exactly one reference subfield must be non-nil')]
  const at = `${path}.configMap`
  const { namespace = '', name = '', kubeletConfigKey: key = '' } = map
  return [
    ...(['uid', 'resourceVersion'] as const).flatMap((field) => {
      if (!!map[field] === isStatus) return []
      const where = isStatus ? 'must be set in status' : 'must not be set in spec'
      return [(isStatus ? required : forbidden)(`${at}.${field}`, `${field} ${where}`)]
    }),
    ...(namespace
      ? asInvalid(`${at}.namespace`, namespace, dnsLabel(namespace, false))
      : [required(`${at}.namespace`, 'namespace must be set')]),
    ...(name ? asInvalid(`${at}.name`, name, dnsSubdomain(name, false)) : [required(`${at}.name`, 'name must be set')]),
    ...(key
      ? asInvalid(`${at}.kubeletConfigKey`, key, isConfigMapKey(key))
      : [required(`${at}.kubeletConfigKey`, 'kubeletConfigKey must be set')]),
  ]
}

function validateConfig({ spec, status: now }: Node): FieldError[] {
  const config = (now as { config?: Record<string, ConfigSource | undefined> } | undefined)?.config
  const source = spec?.configSource as ConfigSource | undefined
  return [
    ...(source ? validateConfigSource(source, false, 'spec.configSource') : []),
    ...['assigned', 'active', 'lastKnownGood'].flatMap((field) => {
      const reported = config?.[field]
      return reported ? validateConfigSource(reported, true, `status.config.${field}`) : []
    }),
  ]
}

/** Source: fieldIsDeprecatedWarnings. */
const warnings = ({ spec }: Node): string[] => [
  ...(spec?.configSource ? ['spec.configSource: the feature is removed'] : []),
  ...(spec?.externalID ? ['spec.externalID: this field is deprecated, and is unused by Kubernetes'] : []),
]

const featureName = /^[A-Z][A-Za-z0-9]*(\/[A-Za-z0-9]+)*$/

/** What the kubelet says it can do: in order, once each. Source: validateNodeDeclaredFeatures. */
function validateDeclaredFeatures({ status: now }: Node): FieldError[] {
  const { declaredFeatures: features = [] } = (now ?? {}) as { declaredFeatures?: string[] }
  const format =
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
  return features.flatMap((name, i) => {
    const path = `status.declaredFeatures[${i}]`
    const before = features[i - 1]
    const text = `invalid feature name ${JSON.stringify(name)}: `
    const errors =
      name.length > 253
        ? [invalid(path, name, `${text}must be no more than 253 characters`)]
        : featureName.test(name)
          ? []
          : [invalid(path, name, text + format)]
    if (before === name) errors.push(duplicate(path, name))
    else if (before !== undefined && before > name)
      errors.push(invalid(path, name, 'list must be sorted alphabetically'))
    return errors
  })
}

/** Source: ValidateNodeUpdate, for the node and its status alike. */
function validateUpdate(node: Node, old: Node): FieldError[] {
  const errors = [...validateAnnotatedTaints(node), ...validateResources(node), ...validateDeclaredFeatures(node)]
  const addresses = node.status?.addresses ?? []
  for (const [i, address] of addresses.entries()) {
    if (addresses.slice(0, i).some((other) => semanticEqual(other, address))) {
      errors.push(duplicate(`status.addresses[${i}]`, { Type: address.type, Address: address.address }))
    }
  }
  const [ranges, before] = [node.spec?.podCIDRs ?? [], old.spec?.podCIDRs ?? []]
  const changed =
    before.length === ranges.length ? before.filter((range, i) => range !== ranges[i]) : before.slice(0, 1)
  for (const _ of changed)
    errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID) {
    errors.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'))
  }
  errors.push(...validateConfig(node), ...ownTaints(node))
  if ((node.spec?.externalID ?? '') !== (old.spec?.externalID ?? ''))
    errors.push(forbidden('spec.externalID', 'may not be updated'))
  return errors
}

const column = columnsOf<Node>('Node')

const define = kindsOf('', 'v1')

export const node: KindDefinition<Node> = define<Node>({
  kind: 'Node',
  plural: 'nodes',
  storagePrefix: 'minions',
  namespaced: false,
  shortNames: ['no'],
  rules: {
    more: { warnings },
    defaults(object) {
      const { spec, status: now } = object
      // Of two that differ, the one of old counts.
      if (spec?.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR]
      else if (spec?.podCIDRs?.length) spec.podCIDR = spec.podCIDRs[0]
      if (now?.capacity && !now.allocatable) now.allocatable = { ...now.capacity }
    },
    validate,
    prepareForCreate(object) {
      delete object.spec?.configSource
      delete object.status?.config
    },
    prepareForUpdate(object, old, { subresource }) {
      // What configured kubelets of old stays only where it is.
      if (!old.spec?.configSource) delete object.spec?.configSource
      if (!old.status?.config) delete object.status?.config
      // A node is born with the status its kubelet gives it; later only /status changes that.
      if (subresource !== '') return
      if (old.status) object.status = old.status
      else delete object.status
    },
    validateUpdate,
    validateStatus: validateUpdate,
  },
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
  columns: [
    nameColumn,
    column('Status', (object) => nodeStatus(object)),
    column('Roles', (object) => nodeRoles(object)),
    ageColumn,
    column('Version', ({ status: now }) => now?.nodeInfo?.kubeletVersion ?? ''),
    column('Internal-IP', (object) => nodeAddress(object, 'InternalIP') ?? '<none>', { wide: true }),
    column('External-IP', (object) => nodeAddress(object, 'ExternalIP') ?? '<none>', { wide: true }),
    column('OS-Image', ({ status: now }) => now?.nodeInfo?.osImage || '<unknown>', { wide: true }),
    column('Kernel-Version', ({ status: now }) => now?.nodeInfo?.kernelVersion || '<unknown>', { wide: true }),
    column('Container-Runtime', ({ status: now }) => now?.nodeInfo?.containerRuntimeVersion || '<unknown>', {
      wide: true,
    }),
  ],
  subresources: [
    connector('proxy', 'NodeProxyOptions', ['create', 'delete', 'get', 'patch', 'update']),
    status('Node'),
  ],
})
