/** Pixels of each character that was met, as it is at its widest in a table. */
const widths = new Map<string, number>()
/** Pixels of the body text's capital W. */
const widest = 14
let brush: OffscreenCanvasRenderingContext2D | null | undefined

/** Where there is nothing to measure with, every character counts as the widest. */
function measure(character: string): number {
  if (brush === undefined) {
    brush = typeof OffscreenCanvas === 'undefined' ? null : new OffscreenCanvas(1, 1).getContext('2d')
    if (brush) {
      const { fontSize, fontFamily } = getComputedStyle(document.body)
      brush.font = `500 ${fontSize} ${fontFamily}`
    }
  }
  // Figures are all as wide as each other on the page (tabular-nums), which a canvas cannot be told.
  const drawn = character >= '0' && character <= '9' ? '0' : character
  return brush?.measureText(drawn).width ?? widest
}

/**
 * How wide a line of body text is at the most, in pixels, without asking the layout: the sum of its characters, which
 * kerning and ligatures only make less. What is not ASCII may join to anything: Infinity.
 */
export function textWidth(text: string): number {
  let sum = 0
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    let width = widths.get(character)
    if (width === undefined) {
      width = character >= ' ' && character <= '~' ? measure(character) : Infinity
      widths.set(character, width)
    }
    sum += width
  }
  return sum
}
