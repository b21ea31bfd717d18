import { spawnSync } from 'node:child_process'
import { numberOf, options, type Applet } from '../applet.ts'
import { complain, readAll, reason } from '../io.ts'

/** Below what systems take as one argument list. */
const longestCommand = 100_000

export const xargs: Applet = (args) => {
  const { has, value, rest } = options(args, '0rtn:I:P:L:', { null: '0', 'no-run-if-empty': 'r' }, true)
  const command = rest.length ? rest : ['echo']
  const input = readAll(0).toString()
  const replaced = value('I')
  const items = has('0')
    ? input.split('\0').filter(Boolean)
    : replaced !== undefined || has('L')
      ? input
          .split('\n')
          .map((line) => line.trim())
          .filter(Boolean)
      : words(input)
  let status = 0
  const run = (argv: readonly string[]): boolean => {
    if (has('t')) complain(argv.join(' '))
    const done = spawnSync(argv[0]!, argv.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] })
    if (done.error) {
      complain(`xargs: ${argv[0]}: ${reason(done.error)}`)
      status = 127
      return false
    }
    if (done.status === 255) status = 124
    else if (done.status !== 0) status = 123
    return done.status !== 255
  }
  if (replaced !== undefined) {
    for (const item of items) if (!run(command.map((word) => word.replaceAll(replaced, item)))) break
    return status
  }
  if (!items.length && !has('r')) run(command)
  const most = numberOf(value('n') ?? value('L') ?? '1000000')
  for (let at = 0; at < items.length;) {
    const taken: string[] = []
    for (
      let length = 0;
      at < items.length && taken.length < most && length < longestCommand;
      length += items[at++]!.length + 1
    )
      taken.push(items[at]!)
    if (!run([...command, ...taken])) break
  }
  return status
}

/** Blanks separate; quotes and backslashes keep them. */
function words(text: string): string[] {
  const found = text.match(/(?:"[^"]*"|'[^']*'|\\[\s\S]|[^\s"'\\])+/g) ?? []
  return found.map((word) =>
    word.replace(
      /"([^"]*)"|'([^']*)'|\\([\s\S])/g,
      (_, double?: string, single?: string, escaped?: string) => double ?? single ?? escaped ?? '',
    ),
  )
}
