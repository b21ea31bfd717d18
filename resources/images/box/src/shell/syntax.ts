/** The tree of a script. Plain data, so that a subshell can be handed its part as JSON. */
export type Word = Part[]

export type Part =
  | { type: 'text'; value: string }
  /** Quoted: neither split nor matched against file names. */
  | { type: 'quoted'; value: string }
  | { type: 'double'; parts: Part[] }
  | { type: 'parameter'; name: string; operator?: ParameterOperator; word?: Word; second?: Word }
  | { type: 'command'; body: List }
  | { type: 'arithmetic'; expression: Word }

export type ParameterOperator =
  | 'length'
  | '-'
  | ':-'
  | '='
  | ':='
  | '?'
  | ':?'
  | '+'
  | ':+'
  | '#'
  | '##'
  | '%'
  | '%%'
  | '/'
  | '//'
  /** `${name:offset:length}` */
  | ':'

export interface Assignment {
  name: string
  value: Word
}

export interface Redirection {
  descriptor: number
  operator: '<' | '>' | '>>' | '<>' | '<&' | '>&' | '<<'
  /** Of `<<`: the text itself. */
  target: Word
}

export interface SimpleCommand {
  type: 'simple'
  assignments: Assignment[]
  words: Word[]
  redirections: Redirection[]
}

export type CompoundCommand = (
  | { type: 'group'; body: List }
  | { type: 'subshell'; body: List }
  | { type: 'if'; branches: { test: List; body: List }[]; otherwise?: List }
  | { type: 'while'; until: boolean; test: List; body: List }
  | { type: 'for'; name: string; words?: Word[]; body: List }
  | { type: 'case'; word: Word; items: { patterns: Word[]; body: List }[] }
) & { redirections: Redirection[] }

export type Command = SimpleCommand | CompoundCommand | { type: 'function'; name: string; body: Command }

export interface Pipeline {
  negated: boolean
  commands: Command[]
}

export interface AndOr {
  first: Pipeline
  rest: { operator: '&&' | '||'; pipeline: Pipeline }[]
}

export type List = { andOr: AndOr; background: boolean }[]

export class SyntaxFault extends Error {}

/** The text ends inside a command: an interactive shell asks for more. */
export class Incomplete extends SyntaxFault {}
