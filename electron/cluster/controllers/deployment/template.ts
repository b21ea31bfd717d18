import { equal } from '../framework/support/equality.ts'
import type { Template } from '../framework/support/template-hash.ts'

export const hashLabel = 'pod-template-hash'

/** The template as the user wrote it: without the label that tells replica sets apart. */
function withoutHash(template: Template): Template {
  const labels = template.metadata?.labels
  if (labels?.[hashLabel] === undefined) return template
  const { [hashLabel]: _, ...rest } = labels
  return { ...template, metadata: { ...template.metadata, labels: rest } }
}

export const sameTemplate = (a: Template, b: Template): boolean => equal(withoutHash(a), withoutHash(b))
