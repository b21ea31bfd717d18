import type { LabelSelector } from 'kubernetes-types/meta/v1'
import { formatSelector, selectorOf, SelectorError } from '#shared/kube/selectors.ts'
import { entries } from '../loose.ts'

/** `a=b,c=d` by key, as apimachinery's FormatLabels. */
export function formatLabels(labels: Readonly<Record<string, string | undefined>> | undefined): string {
  const text = entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  return text || '<none>'
}

/** The text form of a selector object, as metav1.FormatLabelSelector. */
export function formatLabelSelector(selector: unknown): string {
  try {
    return (selector ? formatSelector(selectorOf(selector as LabelSelector)) : '') || '<none>'
  } catch (error) {
    if (error instanceof SelectorError) return '<error>'
    throw error
  }
}

interface Holder {
  spec?: { containers?: readonly { name?: string | undefined; image?: string | undefined }[] | undefined } | undefined
}

export const containerNames = (template: Holder | undefined): string =>
  (template?.spec?.containers ?? []).map(({ name }) => name ?? '').join(',')
export const containerImages = (template: Holder | undefined): string =>
  (template?.spec?.containers ?? []).map(({ image }) => image ?? '').join(',')

/** The text form of a selector for the scale subresource: empty for none. */
export function selectorText(selector: unknown): string {
  const text = formatLabelSelector(selector)
  return text === '<none>' || text === '<error>' ? '' : text
}
