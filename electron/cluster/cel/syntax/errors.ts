import { codePoints } from '../values/code-points.ts'

export interface Issue {
  /** Offset in the expression, in UTF-16 units. */
  readonly at: number
  readonly message: string
}

/** The expression does not parse or check. The message is cel-go's, with the place that each line points to. */
export class CompileError extends Error {
  override readonly name = 'CompileError'
  readonly issues: readonly Issue[]
  constructor(source: string, issues: readonly Issue[]) {
    super(formatIssues(source, issues))
    this.issues = issues
  }
}

function formatIssues(source: string, issues: readonly Issue[]): string {
  // There is nothing to point to.
  if (source === '') return issues.map(({ message }) => `ERROR: <input>:1:0: ${message}`).join('\n')
  const lines = source.split('\n')
  return [...issues]
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, message }) => {
      let line = 0
      let start = 0
      while (line < lines.length - 1 && start + lines[line]!.length < at) start += lines[line++]!.length + 1
      const column = codePoints(lines[line]!.slice(0, at - start))
      const shown = lines[line]!.replaceAll('\t', ' ')
      return `ERROR: <input>:${line + 1}:${column + 1}: ${message}\n | ${shown}\n | ${'.'.repeat(column)}^`
    })
    .join('\n')
}
