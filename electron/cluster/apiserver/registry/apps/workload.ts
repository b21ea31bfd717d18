import { matches, selectorOf } from '#shared/kube/selectors.ts'
import type { LabelSelector } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import type { PodTemplateSpec } from '../core/pod/types.ts'
import { validateTemplate } from '../core/pod/template.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { isEmptySelector, validateLabelSelector, type LooseSelector } from '../validation/labels.ts'

/** What deployments, replica sets, stateful and daemon sets share: a selector over a template's pods. */
export function validateSelector(selector: LooseSelector | undefined, kind: string, path: string): FieldError[] {
  if (!selector) return [required(path)]
  const errors = validateLabelSelector(selector, path)
  if (isEmptySelector(selector)) errors.push(invalid(path, selector, `empty selector is invalid for ${kind}`))
  return errors
}

export const isValidSelector = (selector: LooseSelector | undefined): boolean =>
  validateLabelSelector(selector, '').length === 0

/** An absent selector selects nothing, so that no template matches it. */
export function selects(selector: LooseSelector | undefined, template: PodTemplateSpec | undefined): boolean {
  return matches(
    selectorOf(selector as LabelSelector | undefined),
    (template?.metadata?.labels ?? {}) as Record<string, string>,
  )
}

export const mismatch = (template: PodTemplateSpec | undefined, path: string): FieldError =>
  invalid(`${path}.metadata.labels`, template?.metadata?.labels ?? null, '`selector` does not match template `labels`')

/** Source: ValidatePodTemplateSpecForReplicaSet. */
export function validateSelectedTemplate(
  selector: LooseSelector | undefined,
  template: PodTemplateSpec | undefined,
  kind: string,
  path: string,
): FieldError[] {
  const isAll = selector !== undefined && isEmptySelector(selector)
  return [
    ...(isAll || selects(selector, template) ? [] : [mismatch(template, path)]),
    ...validateTemplate(template ?? {}, path),
    ...validateLongRunning(template, kind, path),
  ]
}

/** Pods that are always restarted and have no deadline. */
export function validateLongRunning(template: PodTemplateSpec | undefined, kind: string, path: string): FieldError[] {
  const { restartPolicy = '', activeDeadlineSeconds } = template?.spec ?? {}
  return [
    ...(restartPolicy === 'Always' ? [] : [notSupported(`${path}.spec.restartPolicy`, restartPolicy, ['Always'])]),
    ...(activeDeadlineSeconds === undefined
      ? []
      : [forbidden(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`)]),
  ]
}

type Counts = Readonly<Record<string, unknown>>

/** Counts of a status: none negative, none above `replicas`, what is available is also ready. */
export function validateCounts(
  status: Counts | undefined,
  bounded: readonly string[],
  others: readonly string[] = [],
): FieldError[] {
  const count = (name: string): number => (status?.[name] as number | undefined) ?? 0
  const names = ['replicas', ...bounded, 'observedGeneration', ...others]
  const errors = names
    .filter((name) => count(name) < 0)
    .map((name) => invalid(`status.${name}`, count(name), 'must be greater than or equal to 0'))
  for (const name of bounded) {
    if (count(name) > count('replicas'))
      errors.push(invalid(`status.${name}`, count(name), 'cannot be greater than status.replicas'))
  }
  if (bounded.includes('readyReplicas') && count('availableReplicas') > count('readyReplicas')) {
    errors.push(invalid('status.availableReplicas', count('availableReplicas'), 'cannot be greater than readyReplicas'))
  }
  return errors
}

/** Collisions of names are only ever counted up. */
export function validateCollisions(status: Counts | undefined, old: Counts | undefined): FieldError[] {
  const now = status?.collisionCount as number | undefined
  const before = old?.collisionCount as number | undefined
  return before !== undefined && (now ?? -1) < before
    ? [invalid('status.collisionCount', now ?? 0, 'cannot be decremented')]
    : []
}
