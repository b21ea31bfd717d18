const keywords = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

/** How expressions spell a property: `__dash__` for `-` and so on; undefined where they cannot. Source: apiserver/pkg/cel/escaping.go. */
export function escapeProperty(name: string): string | undefined {
  if (!/^[A-Za-z_.\-/][A-Za-z0-9_.\-/]*$/.test(name)) return undefined
  if (keywords.has(name)) return `__${name}__`
  return name.replaceAll(/__|[.\-/]/g, (found) => replacements[found]!)
}

const replacements: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
}
