import type { KubeObject } from '#shared/kube/object.ts'
import { ipWarnings } from '../../validation/ip-warnings.ts'
import { isDnsLabel } from '../../validation/names.ts'
import { deprecatedNodeLabel, nodeLabelWarnings, nodeTermWarnings } from '../../validation/node-labels.ts'
import { fractionWarnings } from '../../validation/quantities.ts'
import { appArmor, containerSeccomp, podSeccomp } from './annotations.ts'
import {
  allContainers,
  type Container,
  type Metadata,
  type PodSecurityContext,
  type PodSpec,
  type PodTemplateSpec,
} from './types.ts'
import { volumeWarnings } from './volume-warnings.ts'

const deprecatedAnnotations: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
}
/** What is allowed in a pod and most likely not meant. `path` is that of its spec. Source: pkg/api/pod/warnings.go. */
export function podWarnings(
  metadata: Metadata | undefined,
  spec: PodSpec,
  path: string,
  metadataPath: string,
): string[] {
  const containers = allContainers(spec)
  const annotations = metadata?.annotations ?? {}
  return [
    ...schedulingWarnings(spec, path),
    ...Object.keys(annotations)
      .filter((key) => deprecatedAnnotations[key])
      .map((key) => `${metadataPath}.annotations[${key}]: ${deprecatedAnnotations[key]}`),
    ...volumeWarnings(spec.volumes ?? [], `${path}.volumes`),
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
    ...(['memory', 'ephemeral-storage'] as const).flatMap((name) =>
      fractionWarnings(spec.overhead?.[name], `${path}.overhead[${name}]`),
    ),
    ...seccompWarning(annotations, podSeccomp, spec.securityContext, metadataPath),
    ...containers.flatMap(({ container, path: at }) => [
      ...seccompWarning(
        annotations,
        `${containerSeccomp}${container.name ?? ''}`,
        container.securityContext,
        metadataPath,
      ),
      ...appArmorWarning(annotations, container, spec.securityContext, metadataPath),
      ...containerWarnings(container, `${path}.${at}`),
    ]),
    ...portWarnings(containers, path),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [`${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`]
      : []),
    ...affinityWarnings(spec, `${path}.affinity`),
    ...(spec.dnsConfig?.nameservers ?? []).flatMap((ip, i) => ipWarnings(ip, `${path}.dnsConfig.nameservers[${i}]`)),
    ...(spec.hostAliases ?? []).flatMap(({ ip }, i) => ipWarnings(ip, `${path}.hostAliases[${i}].ip`)),
  ]
}

type Annotations = Readonly<Record<string, string | undefined>>

/** The backslashes are upstream's. */
function seccompWarning(annotations: Annotations, key: string, context: object | undefined, path: string): string[] {
  if (annotations[key] === undefined || (context as PodSecurityContext | undefined)?.seccompProfile) return []
  return [`${path}.annotations[${key}]: non-functional in v1.27+; use the \\"seccompProfile\\" field instead`]
}

/** Of a pod, fields have been made of its annotations by now. */
function appArmorWarning(
  annotations: Annotations,
  { name = '', securityContext }: Container,
  pod: PodSecurityContext | undefined,
  path: string,
): string[] {
  const key = `${appArmor}${name}`
  const isPod = path === 'metadata'
  const own = (securityContext as PodSecurityContext | undefined)?.appArmorProfile
  if (annotations[key] === undefined || pod?.appArmorProfile || (own && !isPod)) return []
  return [`${path}.annotations[${key}]: deprecated since v1.30; use the \\"appArmorProfile\\" field instead`]
}

const repeated = (values: readonly string[], text: (index: number) => string): string[] =>
  values.flatMap((value, i) => (values.indexOf(value) < i ? [`${text(i)} ${JSON.stringify(value)}`] : []))

const matchesNone = 'a null labelSelector results in matching no pod'

function schedulingWarnings(spec: PodSpec, path: string): string[] {
  const selected = nodeLabelWarnings(spec.nodeSelector, (label) => `${path}.nodeSelector[${label}]`)
  const nodes = spec.affinity?.nodeAffinity
  const at = `${path}.affinity.nodeAffinity`
  const required = nodes?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const preferred = nodes?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  const terms = [
    ...required.flatMap((term, i) =>
      nodeTermWarnings(term, `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`),
    ),
    ...preferred.flatMap(({ preference }, i) =>
      nodeTermWarnings(preference, `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`),
    ),
  ]
  const spread = (spec.topologySpreadConstraints ?? []).flatMap(({ topologyKey = '', labelSelector }, i) => {
    const here = `${path}.topologySpreadConstraints[${i}]`
    const deprecated = deprecatedNodeLabel(topologyKey)
    return [
      ...(deprecated ? [`${here}.topologyKey: ${topologyKey} is ${deprecated}`] : []),
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
    (['limits', 'requests'] as const).flatMap((part) =>
      fractionWarnings(resources?.[part]?.[name], `${path}.resources.${part}[${name}]`),
    ),
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
    (container.ports ?? []).flatMap(
      ({ name = '', containerPort = 0, protocol = '', hostIP: ip = '', hostPort: host = 0 }, i) => {
        const at = `${path}.${own}.ports[${i}]`
        const others = known.get(`${containerPort}/${protocol}`) ?? []
        known.set(`${containerPort}/${protocol}`, [...others, { at, ip, host }])
        const shown = `{Name:${name} HostPort:0 ContainerPort:${containerPort} Protocol:${protocol} HostIP:${ip}}`
        const unused = ip && !host ? [`${at}: hostIP set without hostPort: ${shown}`] : []
        const clashes = others.flatMap((other) => {
          if (ip === other.ip && host === other.host) return [`${at}: duplicate port definition with ${other.at}`]
          if (!host || !other.host) return [`${at}: overlapping port definition with ${other.at}`]
          const isAmbiguous = host === other.host && (ip === '') !== (other.ip === '')
          return isAmbiguous ? [`${at}: dangerously ambiguous port definition with ${other.at}`] : []
        })
        return [...unused, ...clashes]
      },
    ),
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
