import { echo } from '../applets/echo.ts'
import { printf } from '../applets/printf.ts'
import { test } from '../applets/test.ts'
import type { Builtin } from './api.ts'
import { flowBuiltins } from './builtins-flow.ts'
import { stateBuiltins } from './builtins-state.ts'

const outputBuiltins: Record<string, Builtin> = {
  true: () => 0,
  false: () => 1,
  echo(args, shell) {
    shell.out(echo(args))
    return 0
  },
  printf(args, shell) {
    const { text, fault } = printf(args)
    shell.out(text)
    if (fault) shell.complain(`printf: ${fault}`)
    return fault ? 1 : 0
  },
  test: (args) => test(args),
  '[': (args) => test(args, ']'),
  '[[': (args) => test(args, ']]'),
}

export const builtins: ReadonlyMap<string, Builtin> = new Map(
  Object.entries({ ...flowBuiltins, ...stateBuiltins, ...outputBuiltins }),
)

/** These change nothing in the shell, and so may run in place inside `$( )` and pipelines. */
export const writers: ReadonlySet<string> = new Set([
  ':',
  'true',
  'false',
  'echo',
  'printf',
  'test',
  '[',
  '[[',
  'pwd',
  'type',
  'hash',
  'times',
  'jobs',
])
