/** What the parts of an expression cost besides calls. Source: cel-go's common/cost.go. */
export const costs = { ident: 1, select: 1, list: 10, map: 30, struct: 40 } as const

/** What one step of a macro costs besides its arguments: the parts that cel-go expands it to. */
export const stepCosts = {
  all: 3,
  exists: 4,
  existsOne: 1,
  filter: 1,
  map: costs.ident + costs.list + 1,
  transformList: costs.ident + costs.list + 1,
  transformMap: costs.ident + costs.map + 1,
  transformMapEntry: costs.ident + costs.map + 1,
  optMap: 1,
  optFlatMap: 1,
} as const
