import type { FieldError } from '#shared/kube/status.ts'
import { jsonDiff } from '../../diff.ts'
import { semanticEqual } from '../../equal.ts'
import { forbidden, invalid, notSupported, required } from '../../validation/field.ts'
import { inclusiveRange } from '../../validation/numbers.ts'
import {
  mirrorAnnotation,
  validateAnnotationUpdate,
  validatePodAnnotations,
  validateProfilesMatch,
} from './annotations.ts'
import { validateImageOfPod } from './containers.ts'
import { validateTolerations } from './scheduling.ts'
import { validatePodSpec } from './spec.ts'
import type { Container, Pod, PodSpec, Toleration } from './types.ts'

const maxInt32 = 0x7fff_ffff

/** `old` is the spec that is stored, where one is. */
export function validatePod(pod: Pod, old?: PodSpec): FieldError[] {
  const { metadata, spec = {} } = pod
  const errors = validatePodAnnotations(metadata?.annotations, spec, 'metadata.annotations')
  errors.push(...validatePodSpec(spec, { name: metadata?.name }, 'spec', old))
  if (!spec.serviceAccountName) {
    for (const [i, volume] of (spec.volumes ?? []).entries()) {
      for (const [j, source] of (volume.projected?.sources ?? []).entries()) {
        const path = `spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`
        if (source.serviceAccountToken)
          errors.push(forbidden(path, 'must not be specified when serviceAccountName is not set'))
      }
    }
  }
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (spec[list] ?? []).entries())
      errors.push(...validateImageOfPod(container, `spec.${list}[${i}]`))
  }
  return errors
}

export function validatePodCreate(pod: Pod): FieldError[] {
  const { metadata, spec = {} } = pod
  return [
    ...validatePod(pod),
    ...(spec.ephemeralContainers?.length ? [forbidden('spec.ephemeralContainers', 'cannot be set on create')] : []),
    ...(spec.nodeName && spec.schedulingGates?.length
      ? [forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared')]
      : []),
    ...validateProfilesMatch(metadata?.annotations, spec, 'spec'),
  ]
}

/** Says again what is wrong with the annotations themselves. Source: ValidatePodSpecificAnnotationUpdates. */
export const validateAnnotationChange = ({ metadata, spec = {} }: Pod, old: Pod): FieldError[] => [
  ...validateAnnotationUpdate(metadata?.annotations, old.metadata?.annotations, 'metadata.annotations'),
  ...validatePodAnnotations(metadata?.annotations, spec, 'metadata.annotations'),
]

const changeable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',')

export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const spec = pod.spec ?? {}
  const before = old.spec ?? {}
  const errors = [...validatePod(pod, before), ...validateAnnotationChange(pod, old)]
  for (const list of ['containers', 'initContainers'] as const) {
    const containers = spec[list] ?? []
    if (containers.length !== (before[list] ?? []).length) {
      return [...errors, forbidden(`spec.${list}`, 'pod updates may not add or remove containers')]
    }
    for (const [i, container] of containers.entries()) {
      if (!container.image) errors.push(required(`spec.${list}[${i}].image`))
      errors.push(...validateImageOfPod(container, `spec.${list}[${i}]`))
    }
  }
  const deadline = validateDeadline(spec.activeDeadlineSeconds, before.activeDeadlineSeconds)
  errors.push(...deadline.errors)
  if (deadline.stop) return errors
  errors.push(...validateOnlyAddedTolerations(spec.tolerations ?? [], before.tolerations ?? []))
  errors.push(...validateOnlyRemovedGates(spec, before))
  if (semanticEqual(spec, before)) return errors
  const munged = withoutChangeable(spec, before)
  if (before.schedulingGates?.length) errors.push(...validateGatedChanges(munged, before))
  if (!semanticEqual(munged, before)) {
    errors.push(
      forbidden('spec', `pod updates may not change fields other than ${changeable}\n${jsonDiff(before, munged)}`),
    )
  }
  return errors
}

/** May be set once, and then only be brought forward. */
function validateDeadline(value: number | undefined, old: number | undefined): { errors: FieldError[]; stop: boolean } {
  const path = 'spec.activeDeadlineSeconds'
  if (value === undefined) {
    const errors =
      old === undefined ? [] : [invalid(path, null, 'must not update from a positive integer to nil value')]
    return { errors, stop: false }
  }
  if (value < 0 || value > maxInt32) return { errors: [invalid(path, value, inclusiveRange(0, maxInt32))], stop: true }
  if (old !== undefined && old < value) {
    return { errors: [invalid(path, value, 'must be less than or equal to previous value')], stop: true }
  }
  return { errors: [], stop: false }
}

function validateOnlyAddedTolerations(tolerations: readonly Toleration[], old: readonly Toleration[]): FieldError[] {
  const kept = (before: Toleration) =>
    tolerations.some((toleration) =>
      semanticEqual({ ...before, tolerationSeconds: toleration.tolerationSeconds }, toleration),
    )
  return old.every(kept)
    ? validateTolerations(tolerations, 'spec.tolerations')
    : [forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')]
}

function validateOnlyRemovedGates(spec: PodSpec, before: PodSpec): FieldError[] {
  const old = new Set((before.schedulingGates ?? []).map((gate) => gate.name))
  return (spec.schedulingGates ?? []).flatMap((gate, i) =>
    old.has(gate.name)
      ? []
      : [
          forbidden(
            `spec.schedulingGates[${i}].name`,
            `only deletion is allowed, but found new scheduling gate '${gate.name ?? ''}'`,
          ),
        ],
  )
}

function withoutChangeable(spec: PodSpec, before: PodSpec): PodSpec {
  const oldImages = (list: Container[] | undefined, old: Container[] | undefined) =>
    list?.map((container, i) => ({ ...container, image: old?.[i]?.image }))
  const munged: PodSpec = {
    ...spec,
    containers: oldImages(spec.containers, before.containers),
    initContainers: oldImages(spec.initContainers, before.initContainers),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    schedulingGates: before.schedulingGates,
    tolerations: before.tolerations,
  }
  const grace = before.terminationGracePeriodSeconds
  if (grace !== undefined && grace < 0 && munged.terminationGracePeriodSeconds === 1)
    munged.terminationGracePeriodSeconds = grace
  return munged
}

/** While gates hold a pod back, what narrows its nodes may grow. Takes the allowed changes out of `munged`. */
function validateGatedChanges(munged: PodSpec, before: PodSpec): FieldError[] {
  const errors: FieldError[] = []
  if (!semanticEqual(munged.nodeSelector, before.nodeSelector)) {
    const kept = Object.entries(before.nodeSelector ?? {}).every(([key, value]) => munged.nodeSelector?.[key] === value)
    if (!kept) {
      errors.push(
        invalid(
          'spec.nodeSelector',
          munged.nodeSelector,
          'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
        ),
      )
    }
    munged.nodeSelector = before.nodeSelector
  }
  const own = munged.affinity?.nodeAffinity
  const old = before.affinity?.nodeAffinity
  if (semanticEqual(own, old)) return errors
  const hard = 'requiredDuringSchedulingIgnoredDuringExecution'
  const path = `spec.affinity.nodeAffinity.${hard}.nodeSelectorTerms`
  const oldTerms = old?.[hard]?.nodeSelectorTerms ?? []
  const terms = own?.[hard]?.nodeSelectorTerms ?? []
  if (oldTerms.length && oldTerms.length !== terms.length) {
    errors.push(invalid(path, terms, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'))
  } else {
    for (const [i, term] of oldTerms.entries()) {
      const grown = (['matchExpressions', 'matchFields'] as const).every((field) =>
        semanticEqual((terms[i]?.[field] ?? []).slice(0, term[field]?.length ?? 0), term[field] ?? []),
      )
      if (!grown)
        errors.push(invalid(`${path}[${i}]`, terms[i], 'only additions are allowed (no mutations or deletions)'))
    }
  }
  const { nodeAffinity: _changed, ...others } = munged.affinity ?? {}
  munged.affinity = old
    ? { ...others, nodeAffinity: old }
    : Object.keys(others).length || before.affinity
      ? others
      : undefined
  return errors
}

export function validateEphemeralUpdate(pod: Pod, old: Pod): FieldError[] {
  if (old.metadata?.annotations?.[mirrorAnnotation] !== undefined)
    return [forbidden('', 'static pods do not support ephemeral containers')]
  const errors = [...validatePod(pod, old.spec), ...validateAnnotationChange(pod, old)]
  const path = 'spec.ephemeralContainers'
  for (const before of old.spec?.ephemeralContainers ?? []) {
    const now = pod.spec?.ephemeralContainers?.find((container) => container.name === before.name)
    const name = JSON.stringify(before.name ?? '')
    if (!now) errors.push(forbidden(path, `existing ephemeral containers ${name} may not be removed\n`))
    else if (!semanticEqual(before, now)) {
      errors.push(forbidden(path, `existing ephemeral containers ${name} may not be changed\n${jsonDiff(before, now)}`))
    }
  }
  return errors
}

export function validateBinding(target: { kind?: string; name?: string } | undefined): FieldError[] {
  const kind = target?.kind ?? ''
  return [
    ...(kind !== '' && kind !== 'Node' ? [notSupported('target.kind', kind, ['Node', '<empty>'])] : []),
    ...(target?.name ? [] : [required('target.name')]),
  ]
}
