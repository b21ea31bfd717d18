import { families, groupKinds, isCommon, type Family } from '../../data/kinds.ts'
import type { ResourceInfo } from '#shared/ipc/contexts.ts'

export interface NavFamily {
  family: Family
  common: ResourceInfo[]
  /** Behind "more"; custom kinds by their group. */
  rest: ResourceInfo[]
}

export function navFamilies(kinds: readonly ResourceInfo[]): NavFamily[] {
  const groups = groupKinds(kinds)
  return families
    .map((family) => ({
      family,
      common: groups[family].filter(isCommon),
      rest: groups[family].filter((kind) => !isCommon(kind)),
    }))
    .filter(({ common, rest }) => common.length + rest.length > 0)
}
