import type { FieldError } from '#shared/kube/status.ts'
import { forbidden } from './field.ts'
import { validateAnnotations, validateLabels } from './labels.ts'

/** What else an object's metadata holds, in the order of its type. */
const others = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'ownerReferences',
  'finalizers',
  'managedFields',
]

/** Objects made of templates get their template's labels and annotations alone. Source: ValidateTemplateObjectMeta. */
export function validateTemplateMetadata(metadata: object | undefined, path: string): FieldError[] {
  const given = (metadata ?? {}) as Readonly<Record<string, unknown>>
  const texts = (field: string) => given[field] as Readonly<Record<string, string>> | undefined
  return [
    ...validateAnnotations(texts('annotations'), `${path}.annotations`),
    ...validateLabels(texts('labels'), `${path}.labels`),
    ...others.flatMap((field) => {
      const value = given[field]
      if (value === undefined || value === null || value === '' || value === 0) return []
      return [forbidden(`${path}.${field === 'uid' ? 'uID' : field}`, 'cannot be set')]
    }),
  ]
}
