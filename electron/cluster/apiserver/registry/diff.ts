/** A unified diff of two JSON values with three lines of context, for messages that say what was not to be changed. */
export function jsonDiff(old: unknown, changed: unknown): string {
  const a = JSON.stringify(old, null, 1).split('\n')
  const b = JSON.stringify(changed, null, 1).split('\n')
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const from = Math.max(0, start - 3)
  const after = a.slice(a.length - end, a.length - end + 3)
  const removed = a.slice(start, a.length - end)
  const added = b.slice(start, b.length - end)
  const context = a.slice(from, start)
  const size = (lines: string[]) => `${from + 1},${context.length + lines.length + after.length}`
  const shown = [
    ...context.map((line) => ` ${line}`),
    ...removed.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    ...after.map((line) => ` ${line}`),
  ]
  return `@@ -${size(removed)} +${size(added)} @@\n${shown.join('\n')}\n`
}
