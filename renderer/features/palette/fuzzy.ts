/**
 * How well `query` names `text`: higher is better, 0 is not at all. All letters must occur in order; those that start
 * words or follow one another count more, so `dp` finds Deployments before Endpoints.
 */
export function fuzzyScore(text: string, query: string): number {
  const low = text.toLowerCase()
  const wanted = query.toLowerCase().replaceAll(' ', '')
  if (!wanted) return 1
  const whole = low.indexOf(query.toLowerCase())
  if (whole === 0) return 1000 - text.length
  if (whole > 0) return (isStart(text, whole) ? 800 : 500) - text.length
  let score = 0
  let at = -1
  for (const letter of wanted) {
    const next = low.indexOf(letter, at + 1)
    if (next < 0) return 0
    score += next === at + 1 ? 8 : isStart(text, next) ? 10 : 1
    at = next
  }
  // Letters strewn about name nothing.
  return score < wanted.length * 6 ? 0 : score + 40 - Math.min(39, text.length * 0.5)
}

const isStart = (text: string, at: number): boolean => {
  const before = text[at - 1]
  return before === undefined || /[\s\-_./:]/.test(before) || (/[a-z]/.test(before) && /[A-Z]/.test(text[at]!))
}

export function best<T>(items: readonly T[], query: string, textOf: (item: T) => string, limit: number): T[] {
  return items
    .map((item) => ({ item, score: fuzzyScore(textOf(item), query) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, limit)
    .map(({ item }) => item)
}
