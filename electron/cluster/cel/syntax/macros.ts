import type { Call, Expr, Fold, FoldMacro, Ident, Select } from './ast.ts'

type Fail = (at: number, message: string) => never

/** By name and number of arguments: which macro, and how many of its arguments are variables. */
const folds = new Map<string, { macro: FoldMacro; variables: number }>([
  ['all/2', { macro: 'all', variables: 1 }],
  ['exists/2', { macro: 'exists', variables: 1 }],
  ['exists_one/2', { macro: 'existsOne', variables: 1 }],
  ['existsOne/2', { macro: 'existsOne', variables: 1 }],
  ['filter/2', { macro: 'filter', variables: 1 }],
  ['map/2', { macro: 'map', variables: 1 }],
  ['map/3', { macro: 'map', variables: 1 }],
  ['all/3', { macro: 'all', variables: 2 }],
  ['exists/3', { macro: 'exists', variables: 2 }],
  ['existsOne/3', { macro: 'existsOne', variables: 2 }],
  ['transformList/3', { macro: 'transformList', variables: 2 }],
  ['transformList/4', { macro: 'transformList', variables: 2 }],
  ['transformMap/3', { macro: 'transformMap', variables: 2 }],
  ['transformMap/4', { macro: 'transformMap', variables: 2 }],
  ['transformMapEntry/3', { macro: 'transformMapEntry', variables: 2 }],
  ['transformMapEntry/4', { macro: 'transformMapEntry', variables: 2 }],
  ['optMap/2', { macro: 'optMap', variables: 1 }],
  ['optFlatMap/2', { macro: 'optFlatMap', variables: 1 }],
])

/** What a call that is a macro stands for; undefined for other calls. */
export function expandMacro(call: Call, fail: Fail): Expr | undefined {
  if (!call.target) return call.name === 'has' && call.args.length === 1 ? presence(call, fail) : undefined
  const fold = folds.get(`${call.name}/${call.args.length}`)
  if (!fold) return undefined
  const names = call.args.slice(0, fold.variables).map((arg) => variable(arg, fail))
  if (names.length === 2 && names[0] === names[1]) fail(call.args[1]!.at, `duplicate variable name: ${names[1]}`)
  return {
    kind: 'fold',
    at: call.at,
    macro: fold.macro,
    range: call.target,
    variables: names,
    args: call.args.slice(fold.variables),
  } satisfies Fold
}

function presence({ args }: Call, fail: Fail): Select {
  const [operand] = args
  if (operand?.kind !== 'select' || operand.test) return fail(operand!.at, 'invalid argument to has() macro')
  return { ...operand, test: true }
}

function variable(expr: Expr, fail: Fail): string {
  const { kind, at } = expr
  if (kind !== 'ident') return fail(at, 'argument must be a simple name')
  const { name } = expr as Ident
  return name === '__result__' || name === '@result'
    ? fail(at, 'iteration variable overwrites accumulator variable')
    : name
}
