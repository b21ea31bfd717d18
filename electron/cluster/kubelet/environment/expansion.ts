/**
 * `$(NAME)` is replaced by what `lookup` knows; an unknown name stays as it is written; `$$` is one dollar.
 * Source: third_party/forked/golang/expansion.
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole: string, name: string | undefined) =>
    name === undefined ? '$' : (lookup(name) ?? whole),
  )
}

/** Looks up in several maps, the first wins. */
export const lookupIn =
  (...maps: ReadonlyMap<string, string>[]) =>
  (name: string): string | undefined =>
    maps.find((map) => map.has(name))?.get(name)
