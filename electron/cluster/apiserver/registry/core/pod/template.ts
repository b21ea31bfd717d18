import type { FieldError } from '#shared/kube/status.ts'
import { forbidden, required } from '../../validation/field.ts'
import { validateAnnotations, validateLabels } from '../../validation/labels.ts'
import { validatePodAnnotations, validateProfilesMatch } from './annotations.ts'
import { validatePodSpec } from './spec.ts'
import type { PodTemplateSpec } from './types.ts'

/** The template inside workloads. Source: ValidatePodTemplateSpec. */
export function validateTemplate(template: PodTemplateSpec | undefined, path: string): FieldError[] {
  if (!template) return [required(path)]
  const { metadata, spec = {} } = template
  return [
    ...validateLabels(metadata?.labels, `${path}.labels`),
    ...validateAnnotations(metadata?.annotations, `${path}.annotations`),
    ...validatePodAnnotations(metadata?.annotations, spec, `${path}.annotations`),
    ...validatePodSpec(spec, undefined, `${path}.spec`),
    ...validateProfilesMatch(metadata?.annotations, spec, `${path}.spec`),
    ...(spec.ephemeralContainers?.length
      ? [forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template')]
      : []),
  ]
}
