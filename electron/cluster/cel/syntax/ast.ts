/** What the parser makes of an expression. `at` is the offset that errors point to: an operator, a dot, a parenthesis. */
export type Expr = Literal | Ident | Select | Index | Call | ListExpr | MapExpr | StructExpr | Fold

export type LiteralType = 'null' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes'

export interface Literal {
  readonly kind: 'literal'
  readonly at: number
  readonly type: LiteralType
  /** bigint for int and uint. */
  readonly value: null | boolean | bigint | number | string | Uint8Array
}

export interface Ident {
  readonly kind: 'ident'
  readonly at: number
  readonly name: string
}

export interface Select {
  readonly kind: 'select'
  readonly at: number
  readonly operand: Expr
  readonly field: string
  /** `has(a.b)`. */
  readonly test: boolean
  /** `a.?b`. */
  readonly optional: boolean
}

export interface Index {
  readonly kind: 'index'
  readonly at: number
  readonly operand: Expr
  readonly index: Expr
  /** `a[?b]`. */
  readonly optional: boolean
}

/** Functions, methods (with a target) and operators, which are named as CEL names them: `_+_`, `!_`, `_?_:_`. */
export interface Call {
  readonly kind: 'call'
  readonly at: number
  readonly name: string
  readonly target?: Expr
  readonly args: readonly Expr[]
}

export interface ListExpr {
  readonly kind: 'list'
  readonly at: number
  readonly elements: readonly { readonly value: Expr; readonly optional: boolean }[]
}

export interface MapExpr {
  readonly kind: 'map'
  readonly at: number
  readonly entries: readonly { readonly key: Expr; readonly value: Expr; readonly optional: boolean }[]
}

export interface StructExpr {
  readonly kind: 'struct'
  readonly at: number
  readonly type: string
  readonly entries: readonly {
    readonly at: number
    readonly field: string
    readonly value: Expr
    readonly optional: boolean
  }[]
}

/** The macros that iterate, and those that bind what an optional holds. */
export interface Fold {
  readonly kind: 'fold'
  readonly at: number
  readonly macro: FoldMacro
  readonly range: Expr
  readonly variables: readonly string[]
  /** In the order of the macro's arguments: a predicate, or a filter and a transformation. */
  readonly args: readonly Expr[]
}

export type FoldMacro =
  | 'all'
  | 'exists'
  | 'existsOne'
  | 'filter'
  | 'map'
  | 'transformList'
  | 'transformMap'
  | 'transformMapEntry'
  | 'optMap'
  | 'optFlatMap'
