import { formatQuantity, milliValueOf, parseQuantity } from '#shared/kube/quantity.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { isDnsLabel } from '../../validation/names.ts'
import { allContainers, type Container, type Metadata, type PodSpec, type PodTemplateSpec } from './types.ts'

const deprecatedLabels: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}
const deprecatedAnnotations: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
}
const deprecatedVolumes: Readonly<Record<string, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
}

/** What is allowed in a pod and most likely not meant. `path` is that of its spec. Source: pkg/api/pod/warnings.go. */
export function podWarnings(
  metadata: Metadata | undefined,
  spec: PodSpec,
  path: string,
  metadataPath: string,
): string[] {
  const containers = allContainers(spec)
  return [
    ...schedulingWarnings(spec, path),
    ...Object.keys(metadata?.annotations ?? {})
      .filter((key) => deprecatedAnnotations[key])
      .map((key) => `${metadataPath}.annotations[${key}]: ${deprecatedAnnotations[key]}`),
    ...(spec.volumes ?? []).flatMap((volume, i) =>
      Object.keys(volume)
        .filter((source) => deprecatedVolumes[source])
        .map(
          (source) =>
            `${path}.volumes[${i}].${source === 'storageos' ? 'storageOS' : source}: ${deprecatedVolumes[source]}`,
        ),
    ),
    ...repeated(
      (spec.hostAliases ?? []).map(({ ip = '' }) => ip),
      (i) => `${path}.hostAliases[${i}].ip: duplicate ip`,
    ),
    ...repeated(
      (spec.imagePullSecrets ?? []).map(({ name = '' }) => name),
      (i) => `${path}.imagePullSecrets[${i}].name: duplicate name`,
    ),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }, i) =>
      name ? [] : [`${path}.imagePullSecrets[${i}].name: invalid empty name ""`],
    ),
    ...containers.flatMap(({ container, path: at }) => containerWarnings(container, `${path}.${at}`)),
    ...portWarnings(containers, path),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [`${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`]
      : []),
    ...affinityWarnings(spec, `${path}.affinity`),
  ]
}

const repeated = (values: readonly string[], text: (index: number) => string): string[] =>
  values.flatMap((value, i) => (values.indexOf(value) < i ? [`${text(i)} ${JSON.stringify(value)}`] : []))

const matchesNone = 'a null labelSelector results in matching no pod'

function schedulingWarnings(spec: PodSpec, path: string): string[] {
  const selected = Object.keys(spec.nodeSelector ?? {})
    .filter((label) => deprecatedLabels[label])
    .map((label) => `${path}.nodeSelector[${label}]: ${deprecatedLabels[label]}`)
  const nodes = spec.affinity?.nodeAffinity
  const at = `${path}.affinity.nodeAffinity`
  const terms = [
    ...(nodes?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []).map((term, i) => ({
      term,
      at: `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`,
    })),
    ...(nodes?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ preference }, i) => ({
      term: preference,
      at: `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`,
    })),
  ].flatMap(({ term, at: here }) =>
    (term?.matchExpressions ?? []).flatMap(({ key = '' }, i) =>
      deprecatedLabels[key] ? [`${here}.matchExpressions[${i}].key: ${key} is ${deprecatedLabels[key]}`] : [],
    ),
  )
  const spread = (spec.topologySpreadConstraints ?? []).flatMap(({ topologyKey = '', labelSelector }, i) => {
    const here = `${path}.topologySpreadConstraints[${i}]`
    return [
      ...(deprecatedLabels[topologyKey]
        ? [`${here}.topologyKey: ${topologyKey} is ${deprecatedLabels[topologyKey]}`]
        : []),
      ...(labelSelector ? [] : [`${here}.labelSelector: ${matchesNone}`]),
    ]
  })
  return [...selected, ...terms, ...spread]
}

function affinityWarnings({ affinity }: PodSpec, path: string): string[] {
  return (['podAffinity', 'podAntiAffinity'] as const).flatMap((sort) => [
    ...(affinity?.[sort]?.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(({ labelSelector }, i) =>
      labelSelector
        ? []
        : [`${path}.${sort}.requiredDuringSchedulingIgnoredDuringExecution[${i}].labelSelector: ${matchesNone}`],
    ),
    ...(affinity?.[sort]?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(({ podAffinityTerm }, i) =>
      podAffinityTerm?.labelSelector
        ? []
        : [
            `${path}.${sort}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm.labelSelector: ${matchesNone}`,
          ],
    ),
  ])
}

function containerWarnings({ resources, env = [] }: Container, path: string): string[] {
  const fractions = (['memory', 'ephemeral-storage'] as const).flatMap((name) =>
    (['limits', 'requests'] as const).flatMap((part) => {
      const amount = resources?.[part]?.[name]
      if (amount === undefined || milliValueOf(parseQuantity(amount)) % 1000 === 0) return []
      const shown = JSON.stringify(formatQuantity(parseQuantity(amount)))
      return [`${path}.resources.${part}[${name}]: fractional byte value ${shown} is invalid, must be an integer`]
    }),
  )
  const seen = new Set<string>()
  const hidden = env.flatMap(({ name = '', value = '', valueFrom }, i) => {
    const isFirst = !seen.has(name)
    seen.add(name)
    // A variable may be written again to add to itself.
    const reference = `$(${name})`
    if (isFirst || (!valueFrom && value !== reference && value.includes(reference))) return []
    return [
      `${path}.env[${i}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
    ]
  })
  return [...fractions, ...hidden]
}

function portWarnings(containers: readonly { path: string; container: Container }[], path: string): string[] {
  const known = new Map<string, { at: string; ip: string; host: number }[]>()
  return containers.flatMap(({ container, path: own }) =>
    (container.ports ?? []).flatMap(({ containerPort = 0, protocol = '', hostIP: ip = '', hostPort: host = 0 }, i) => {
      const at = `${path}.${own}.ports[${i}]`
      const others = known.get(`${containerPort}/${protocol}`) ?? []
      known.set(`${containerPort}/${protocol}`, [...others, { at, ip, host }])
      return others.flatMap((other) => {
        if (ip === other.ip && host === other.host) return [`${at}: duplicate port definition with ${other.at}`]
        if (!host || !other.host) return [`${at}: overlapping port definition with ${other.at}`]
        const isAmbiguous = host === other.host && (ip === '') !== (other.ip === '')
        return isAmbiguous ? [`${at}: dangerously ambiguous port definition with ${other.at}`] : []
      })
    }),
  )
}

/** Names that cannot be host names. */
export function nameWarnings({ metadata }: KubeObject, use: string): string[] {
  const wrong = isDnsLabel(metadata?.name ?? '')
  if (!wrong.length) return []
  return [
    `metadata.name: this is used in ${use}, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(' ')}]`,
  ]
}

const podNames = 'Pod names and hostnames'

/**
 * For kinds that make pods of a template: warns when the object is made, and when its spec changes. `names`: whether
 * pods are named after it by chance, which daemon sets keep quiet about.
 */
export function templateWarnings<T extends KubeObject>(
  templateOf: { of(object: T): PodTemplateSpec | undefined }['of'],
  path = 'spec.template',
  names = true,
) {
  return (object: T, old: T | undefined): string[] => {
    if (old && old.metadata?.generation === object.metadata?.generation) return []
    const template = templateOf(object)
    return [
      ...(old || !names ? [] : nameWarnings(object, podNames)),
      ...(template ? podWarnings(template.metadata, template.spec ?? {}, `${path}.spec`, `${path}.metadata`) : []),
    ]
  }
}
