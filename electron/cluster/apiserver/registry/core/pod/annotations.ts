import type { FieldError } from '#shared/kube/status.ts'
import { entries } from '../../loose.ts'
import { forbidden, invalid } from '../../validation/field.ts'
import { descendingPath } from '../../validation/paths.ts'
import { validateTolerations } from './scheduling.ts'
import {
  allContainers,
  type Metadata,
  type PodSecurityContext,
  type PodSpec,
  type SecurityContext,
  type Toleration,
} from './types.ts'

type Annotations = Metadata['annotations']

export const mirrorAnnotation = 'kubernetes.io/config.mirror'
const tolerationsAnnotation = 'scheduler.alpha.kubernetes.io/tolerations'
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost'
export const podSeccomp = 'seccomp.security.alpha.kubernetes.io/pod'
export const containerSeccomp = 'container.seccomp.security.alpha.kubernetes.io/'
export const appArmor = 'container.apparmor.security.beta.kubernetes.io/'

/** Annotations that mean something to pods. Source: ValidatePodSpecificAnnotations. */
export function validatePodAnnotations(annotations: Annotations, spec: PodSpec, path: string): FieldError[] {
  const errors: FieldError[] = []
  const mirror = annotations?.[mirrorAnnotation]
  if (mirror !== undefined && !spec.nodeName) {
    errors.push(
      invalid(`${path}[${mirrorAnnotation}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set'),
    )
  }
  const tolerations = annotations?.[tolerationsAnnotation]
  if (tolerations) errors.push(...validateWrittenTolerations(tolerations, path))
  const cost = annotations?.[deletionCost]
  if (cost !== undefined && !is32BitInteger(cost))
    errors.push(invalid(`${path}[${deletionCost}]`, cost, 'must be a 32bit integer'))
  for (const [key, value] of entries(annotations)) {
    if (key === podSeccomp || key.startsWith(containerSeccomp))
      errors.push(...validateSeccompName(value, `${path}.${key}`))
    if (!key.startsWith(appArmor)) continue
    const name = key.slice(appArmor.length)
    if (!allContainers(spec).some(({ container }) => container.name === name))
      errors.push(invalid(`${path}[${key}]`, name, 'container not found'))
    if (value !== '' && value !== 'runtime/default' && value !== 'unconfined' && !value.startsWith('localhost/')) {
      errors.push(invalid(`${path}[${key}]`, value, `invalid AppArmor profile name: ${JSON.stringify(value)}`))
    }
  }
  return errors
}

const is32BitInteger = (text: string): boolean =>
  /^(0|-?[1-9]\d*)$/.test(text) && Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31

function validateWrittenTolerations(text: string, path: string): FieldError[] {
  try {
    return validateTolerations(JSON.parse(text) as Toleration[], `${path}.${tolerationsAnnotation}`)
  } catch (error) {
    return [invalid(path, tolerationsAnnotation, (error as Error).message)]
  }
}

function validateSeccompName(value: string, path: string): FieldError[] {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(value)) return []
  if (value.startsWith('localhost/')) return descendingPath(value.slice('localhost/'.length), path)
  return [invalid(path, value, 'must be a valid seccomp profile')]
}

/** Where an old annotation and the field that replaced it are both there, they must agree. */
export function validateProfilesMatch(annotations: Annotations, spec: PodSpec, path: string): FieldError[] {
  if (!annotations) return []
  const errors: FieldError[] = []
  const check = (
    kind: 'seccomp' | 'apparmor',
    annotation: string | undefined,
    profile: Profile | undefined,
    at: string,
  ) => {
    if (annotation === undefined || !profile) return
    const mismatch = mismatchOf(kind, annotation, profile)
    if (mismatch)
      errors.push(
        forbidden(
          `${at}.${mismatch}`,
          `${kind} ${mismatch === 'type' ? 'type' : 'profile'} in annotation and field must match`,
        ),
      )
  }
  const pod = spec.securityContext
  check('seccomp', annotations[podSeccomp], pod?.seccompProfile, `${path}.securityContext.seccompProfile`)
  for (const { path: at, container } of allContainers(spec)) {
    const own = container.securityContext as (SecurityContext & PodSecurityContext) | undefined
    const field = `${path}.${at}.securityContext`
    check(
      'seccomp',
      annotations[`${containerSeccomp}${container.name ?? ''}`],
      own?.seccompProfile,
      `${field}.seccompProfile`,
    )
    if (spec.os?.name === 'windows') continue
    check(
      'apparmor',
      annotations[`${appArmor}${container.name ?? ''}`],
      own?.appArmorProfile ?? pod?.appArmorProfile,
      `${field}.appArmorProfile`,
    )
  }
  return errors
}

interface Profile {
  type?: string | undefined
  localhostProfile?: string | undefined
}

function mismatchOf(
  kind: 'seccomp' | 'apparmor',
  annotation: string,
  profile: Profile,
): 'type' | 'localhostProfile' | undefined {
  if (profile.type === 'Unconfined') return annotation === 'unconfined' ? undefined : 'type'
  if (profile.type === 'RuntimeDefault') {
    return annotation === 'runtime/default' || (kind === 'seccomp' && annotation === 'docker/default')
      ? undefined
      : 'type'
  }
  if (profile.type !== 'Localhost') return undefined
  if (!annotation.startsWith('localhost/')) return 'type'
  return annotation.slice('localhost/'.length) === profile.localhostProfile ? undefined : 'localhostProfile'
}

/** Some annotations are fixed when the pod is made. */
export function validateAnnotationUpdate(annotations: Annotations, old: Annotations, path: string): FieldError[] {
  const fixed = (key: string): string | undefined =>
    key.startsWith(appArmor) ? 'AppArmor annotations' : key === mirrorAnnotation ? 'mirror pod annotation' : undefined
  const errors: FieldError[] = []
  for (const [key, value] of entries(old)) {
    const what = fixed(key)
    if (what && annotations?.[key] !== value)
      errors.push(forbidden(`${path}[${key}]`, `may not remove or update ${what}`))
  }
  for (const [key] of entries(annotations)) {
    const what = fixed(key)
    if (what && old?.[key] === undefined) errors.push(forbidden(`${path}[${key}]`, `may not add ${what}`))
  }
  return errors
}
