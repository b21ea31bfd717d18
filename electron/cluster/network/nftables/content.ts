/** What a table holds: named sets, maps and chains. Compared by value: what is equal is left as the kernel has it. */
export interface TableContent {
  readonly sets: ReadonlyMap<string, SetContent>
  readonly chains: ReadonlyMap<string, ChainContent>
}

export interface SetContent {
  readonly kind: 'set' | 'map'
  /** Such as `type ipv4_addr; flags interval;`. */
  readonly declaration: string
  /** For a set, keys with an empty value. Undefined: packets fill it. */
  readonly elements?: ReadonlyMap<string, string>
}

export interface ChainContent {
  /** Such as `type filter hook forward priority filter; policy accept;`; undefined for one that others lead to. */
  readonly hook?: string
  readonly rules: readonly string[]
}

/** The transaction that makes the table what it shall be, whatever it was. */
export const whole = (table: string, content: TableContent): string[] => [
  `table ip ${table} {}`,
  `delete table ip ${table}`,
  `table ip ${table} {}`,
  ...difference(table, { sets: new Map(), chains: new Map() }, content),
]

/** The transaction that leads from one content to the next: what is referred to is made first and taken away last. */
export function difference(table: string, before: TableContent, after: TableContent): string[] {
  const newSets = missing(after.sets, before.sets, sameDeclaration)
  const oldSets = missing(before.sets, after.sets, sameDeclaration)
  const newChains = missing(after.chains, before.chains, sameHook)
  const oldChains = missing(before.chains, after.chains, sameHook)
  const changed = [...after.chains].filter(
    ([name, { rules }]) => newChains.has(name) || !sameRules(before.chains.get(name)!.rules, rules),
  )
  const kept = (name: string) => (newSets.has(name) ? undefined : before.sets.get(name)?.elements)
  return [
    // A set or base chain that is declared anew takes the place of the old one, which first has to be free.
    ...[...oldChains].map(([name]) => `flush chain ip ${table} ${name}`),
    ...changed.flatMap(([name]) => (newChains.has(name) ? [] : [`flush chain ip ${table} ${name}`])),
    ...[...after.sets].flatMap(([name, set]) => elements('delete', table, name, without(kept(name), set.elements))),
    ...[...oldSets].flatMap(([name, set]) => (set.elements?.size ? [`flush ${set.kind} ip ${table} ${name}`] : [])),
    ...[...oldChains].map(([name]) => `delete chain ip ${table} ${name}`),
    ...[...oldSets].map(([name, { kind }]) => `delete ${kind} ip ${table} ${name}`),
    ...[...newSets].map(([name, { kind, declaration }]) => `add ${kind} ip ${table} ${name} { ${declaration} }`),
    ...[...newChains].map(([name, { hook }]) => `add chain ip ${table} ${name}${hook ? ` { ${hook} }` : ''}`),
    ...[...after.sets].flatMap(([name, set]) => elements('add', table, name, without(set.elements, kept(name)))),
    ...changed.flatMap(([name, { rules }]) => rules.map((rule) => `add rule ip ${table} ${name} ${rule}`)),
  ]
}

function missing<Value>(
  from: ReadonlyMap<string, Value>,
  other: ReadonlyMap<string, Value>,
  same: (a: Value, b: Value) => boolean,
): Map<string, Value> {
  return new Map(
    [...from].filter(([name, value]) => {
      const counterpart = other.get(name)
      return counterpart === undefined || !same(value, counterpart)
    }),
  )
}

const sameDeclaration = (a: SetContent, b: SetContent): boolean => a.kind === b.kind && a.declaration === b.declaration
const sameHook = (a: ChainContent, b: ChainContent): boolean => a.hook === b.hook
const sameRules = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((rule, i) => rule === b[i]))

type Elements = ReadonlyMap<string, string> | undefined

const without = (elements: Elements, other: Elements): [string, string][] =>
  elements === other ? [] : [...(elements ?? [])].filter(([key, value]) => other?.get(key) !== value)

const elements = (verb: string, table: string, set: string, pairs: readonly [string, string][]): string[] =>
  pairs.length
    ? [
        `${verb} element ip ${table} ${set} { ${pairs.map(([key, value]) => (value ? `${key} : ${value}` : key)).join(', ')} }`,
      ]
    : []
