/** Field selectors (`metadata.name=a,status.phase!=Running`), as apimachinery's pkg/fields reads them. */
import { SelectorError } from './selectors.ts'

export interface FieldRequirement {
  readonly field: string
  readonly equals: boolean
  readonly value: string
}

/** All requirements hold; none at all matches everything. */
export type FieldSelector = readonly FieldRequirement[]

/** Throws SelectorError. Whether a kind knows a field is not asked here. */
export function parseFieldSelector(text: string | undefined): FieldSelector {
  if (!text) return []
  return text
    .split(',')
    .sort()
    .filter((part) => part)
    .map((part) => {
      for (const [operator, equals] of [
        ['!=', false],
        ['==', true],
        ['=', true],
      ] as const) {
        const pieces = part.split(operator)
        if (pieces.length === 2) return { field: pieces[0]!, equals, value: pieces[1]! }
      }
      throw new SelectorError(`invalid selector: '${text}'; can't understand '${part}'`)
    })
}

/** `read` gives the value of a field; an absent field is the empty string. */
export const matchesFields = (selector: FieldSelector, read: (field: string) => string): boolean =>
  selector.every(({ field, equals, value }) => (read(field) === value) === equals)

export const formatFieldSelector = (selector: FieldSelector): string =>
  selector.map(({ field, equals, value }) => `${field}${equals ? '=' : '!='}${value}`).join(',')

/** The value a field must have, where the selector says so. */
export const exactField = (selector: FieldSelector, field: string): string | undefined =>
  selector.find((requirement) => requirement.field === field && requirement.equals)?.value
