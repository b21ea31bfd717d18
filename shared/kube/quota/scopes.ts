import type { KubeObject } from '../object.ts'
import { qualityOfService } from './quality-of-service.ts'
import type { Claim, Pod, Quota, Scope } from './types.ts'

const affinityTerms = ({ spec }: Pod) =>
  [spec?.affinity?.podAffinity, spec?.affinity?.podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => term.podAffinityTerm ?? {}),
  ])

const byName: Readonly<Record<string, (pod: Pod) => boolean>> = {
  Terminating: ({ spec }) => spec?.activeDeadlineSeconds !== undefined,
  NotTerminating: ({ spec }) => spec?.activeDeadlineSeconds === undefined,
  BestEffort: ({ spec }) => qualityOfService(spec) === 'BestEffort',
  NotBestEffort: ({ spec }) => qualityOfService(spec) !== 'BestEffort',
  CrossNamespacePodAffinity: (pod) =>
    affinityTerms(pod).some((term) => term.namespaces?.length || term.namespaceSelector),
}

/** Whether one of the names that an object has fits. */
function matchesNames(names: readonly (string | undefined)[], { operator = 'Exists', values = [] }: Scope): boolean {
  const given = names.filter((name) => name)
  if (operator === 'Exists') return given.length > 0
  if (operator === 'In') return given.some((name) => values.includes(name!))
  if (operator === 'NotIn') return !given.length || given.some((name) => !values.includes(name!))
  return operator === 'DoesNotExist' && !given.length
}

const podMatches = (pod: Pod, scope: Scope): boolean =>
  scope.scopeName === 'PriorityClass'
    ? matchesNames([pod.spec?.priorityClassName], scope)
    : (byName[scope.scopeName ?? '']?.(pod) ?? false)

/** While a claim's volume is changed, it has the attributes of several classes. */
const claimMatches = ({ spec, status }: Claim, scope: Scope): boolean =>
  scope.scopeName === 'VolumeAttributesClass' &&
  matchesNames(
    [
      spec?.volumeAttributesClassName,
      status?.currentVolumeAttributesClassName,
      status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
    ],
    scope,
  )

export const scopesOf = ({ spec }: Quota): readonly Scope[] => [
  ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName })),
  ...(spec?.scopeSelector?.matchExpressions ?? []),
]

/** Only pods and volume claims have scopes: a quota with scopes is for nothing else. */
export function isInScope(quota: Quota, plural: string, object: KubeObject): boolean {
  const scopes = scopesOf(quota)
  if (!scopes.length) return true
  if (plural === 'pods') return scopes.every((scope) => podMatches(object as Pod, scope))
  return plural === 'persistentvolumeclaims' && scopes.every((scope) => claimMatches(object as Claim, scope))
}
