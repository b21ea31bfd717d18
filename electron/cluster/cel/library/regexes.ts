import { matching, overload, type Overload } from './overload.ts'
import { regexOf } from './regex-cache.ts'

function findAll(text: string, pattern: string, limit: number): string[] {
  const matcher = regexOf(pattern).matcher(text)
  const found: string[] = []
  while (found.length < limit && matcher.find()) found.push(matcher.group() ?? '')
  return found
}

const costs = { cost: matching, resultSize: ([text = 0]: readonly number[]) => text }

/** Source: apiserver/pkg/cel/library/regex.go. */
export const regexes: readonly Overload[] = [
  overload('string.find(string): string', (text: string, pattern: string) => findAll(text, pattern, 1)[0] ?? '', costs),
  overload(
    'string.findAll(string): list(string)',
    (text: string, pattern: string) => findAll(text, pattern, Number.POSITIVE_INFINITY),
    costs,
  ),
  overload(
    'string.findAll(string, int): list(string)',
    (text: string, pattern: string, limit: bigint) =>
      findAll(text, pattern, limit < 0n ? Number.POSITIVE_INFINITY : Number(limit)),
    costs,
  ),
]
