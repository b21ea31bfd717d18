/** A run of text in one style. Colours 0-15 are the theme's; anything else is a CSS colour. */
export interface StyledRun {
  text: string
  color?: number | string
  background?: number | string
  bold?: boolean
  dim?: boolean
  italic?: boolean
  underline?: boolean
}

type Style = Omit<StyledRun, 'text'>

const escape =
  /\x1b\[([0-9;:]*)m|\x1b\[[0-9;?]*[A-Za-ln-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1a\x1c-\x1f]/g

/** The text alone, for searching. */
export const plainText = (line: string): string => (line.includes('\x1b') ? line.replace(escape, '') : line)

/** Splits a line with SGR sequences into runs; other sequences are dropped. */
export function styledRuns(line: string): StyledRun[] {
  if (!line.includes('\x1b')) return [{ text: line }]
  const runs: StyledRun[] = []
  let style: Style = {}
  let from = 0
  for (const match of line.matchAll(escape)) {
    if (match.index > from) runs.push({ text: line.slice(from, match.index), ...style })
    from = match.index + match[0].length
    if (match[1] !== undefined) style = applySgr(style, match[1])
  }
  if (from < line.length) runs.push({ text: line.slice(from), ...style })
  return runs
}

function applySgr(before: Style, codes: string): Style {
  const numbers = codes === '' ? [0] : codes.split(/[;:]/).map(Number)
  let style: Style = { ...before }
  for (let i = 0; i < numbers.length; i++) {
    const code = numbers[i]!
    if (code === 0) style = {}
    else if (code === 1) style.bold = true
    else if (code === 2) style.dim = true
    else if (code === 3) style.italic = true
    else if (code === 4) style.underline = true
    else if (code === 22) style = without(style, 'bold', 'dim')
    else if (code === 23) style = without(style, 'italic')
    else if (code === 24) style = without(style, 'underline')
    else if (code === 39) style = without(style, 'color')
    else if (code === 49) style = without(style, 'background')
    else if (code >= 30 && code <= 37) style.color = code - 30
    else if (code >= 90 && code <= 97) style.color = code - 82
    else if (code >= 40 && code <= 47) style.background = code - 40
    else if (code >= 100 && code <= 107) style.background = code - 92
    else if (code === 38 || code === 48) {
      const { color, used } = extendedColor(numbers.slice(i + 1))
      if (color !== undefined) style[code === 38 ? 'color' : 'background'] = color
      i += used
    }
  }
  return style
}

function without(style: Style, ...keys: (keyof Style)[]): Style {
  return Object.fromEntries(Object.entries(style).filter(([key]) => !keys.includes(key as keyof Style)))
}

function extendedColor(rest: number[]): { color: number | string | undefined; used: number } {
  if (rest[0] === 5 && rest[1] !== undefined) return { color: paletteColor(rest[1]), used: 2 }
  if (rest[0] === 2 && rest.length >= 4) return { color: `rgb(${rest[1]} ${rest[2]} ${rest[3]})`, used: 4 }
  return { color: undefined, used: rest.length }
}

function paletteColor(index: number): number | string {
  if (index < 16) return index
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10
    return `rgb(${grey} ${grey} ${grey})`
  }
  const cube = index - 16
  const level = (part: number): number => (part === 0 ? 0 : 55 + part * 40)
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`
}
