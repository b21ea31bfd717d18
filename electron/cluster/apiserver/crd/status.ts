import { conditionOf, isTrue, setCondition } from '../registry/apiextensions/conditions.ts'
import type { Condition, Crd, Names } from '../registry/apiextensions/types.ts'
import { semanticEqual } from '../registry/equal.ts'
import { authorityProblem } from '../registry/apiextensions/conversion.ts'
import { approval, isProtectedGroup } from '../registry/apiextensions/approval.ts'

/** A copy whose metadata and status may be changed; large schemas are not copied. */
export const ownStatus = (crd: Crd): Crd => ({
  ...crd,
  metadata: { ...crd.metadata },
  status: structuredClone(crd.status) ?? {},
})

/** What one definition has of the names of its group. */
export interface AcceptedNames {
  readonly accepted: Names
}

/**
 * What the server says of a definition: which of its names it accepts beside `others` (the rest of its group), and
 * whether it is served. A copy. Source: apiextensions controller/status/naming_controller.go and establish.
 */
export function withStatus(crd: Crd, others: readonly AcceptedNames[], now: number): Crd {
  const next = ownStatus(crd)
  const { accepted, condition } = acceptNames(crd, others)
  next.status = { ...next.status, acceptedNames: accepted }
  setCondition(next, condition, now)
  setCondition(next, established(crd, condition), now)
  if (isProtectedGroup(crd.spec?.group ?? '')) setCondition(next, approval(crd.metadata?.annotations), now)
  return next
}

function established(crd: Crd, names: Condition): Condition {
  const type = 'Established'
  const before = conditionOf(crd, type)
  if (before?.status === 'True') return before
  if (names.status !== 'True')
    return { type, status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
  const message = 'the initial names have been accepted'
  // Whoever watches sees that the names are accepted before the resource is served.
  const seen = isTrue(crd, 'NamesAccepted') && before && before.reason !== 'NotAccepted'
  if (seen && authorityProblem(crd.spec?.conversion?.webhook?.clientConfig?.caBundle))
    return { type, status: 'False', reason: 'InvalidCABundle', message: 'The conversion webhook CABundle is invalid' }
  return seen
    ? { type, status: 'True', reason: 'InitialNamesAccepted', message }
    : { type, status: 'False', reason: 'Installing', message }
}

function acceptNames(crd: Crd, others: readonly AcceptedNames[]): { accepted: Names; condition: Condition } {
  const wanted = crd.spec?.names ?? {}
  const before = crd.status?.acceptedNames ?? {}
  const taken = others.map(({ accepted }) => accepted)
  const resources = new Set(
    taken.flatMap(({ plural, singular, shortNames = [] }) => [plural, singular, ...shortNames].filter(Boolean)),
  )
  const kinds = new Set(taken.flatMap(({ kind, listKind }) => [kind, listKind].filter(Boolean)))
  const accepted: Names = { ...before }
  let condition: Condition = {
    type: 'NamesAccepted',
    status: 'True',
    reason: 'NoConflicts',
    message: 'no conflicts found',
  }
  const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`
  const refuse = (reason: string, message: string): void => {
    condition = { type: 'NamesAccepted', status: 'False', reason, message }
  }
  const accept = (field: 'plural' | 'singular' | 'kind' | 'listKind', used: ReadonlySet<string | undefined>): void => {
    const name = wanted[field] ?? ''
    if (name === before[field] || !used.has(name)) accepted[field] = name
    else refuse(`${field[0]!.toUpperCase()}${field.slice(1)}Conflict`, inUse(name))
  }
  accept('plural', resources)
  accept('singular', resources)
  const conflicts = (wanted.shortNames ?? []).filter(
    (name) => !before.shortNames?.includes(name) && resources.has(name),
  )
  if (conflicts.length) {
    const texts = conflicts.map(inUse)
    refuse('ShortNamesConflict', texts.length > 1 ? `[${texts.join(', ')}]` : texts[0]!)
  } else assign(accepted, 'shortNames', wanted.shortNames)
  accept('kind', kinds)
  accept('listKind', kinds)
  assign(accepted, 'categories', wanted.categories)
  return { accepted, condition }
}

function assign(names: Names, field: 'shortNames' | 'categories', value: string[] | undefined): void {
  if (value?.length) names[field] = value
  else delete names[field]
}

/** The status of two definitions, as far as it says something new. */
export const sameStatus = (a: Crd, b: Crd): boolean => semanticEqual(a.status, b.status)
