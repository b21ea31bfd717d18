import type { LabelSelector } from '#shared/kube/object.ts'

/** A LabelSelector as the text of kubectl's -l. Undefined when it selects nothing. */
export function selectorText(selector: LabelSelector | undefined): string | undefined {
  const equal = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  const others = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key
    if (operator === 'DoesNotExist') return `!${key}`
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`
  })
  return [...equal, ...others].join(',') || undefined
}
