import { CompileError, Environment, yields, type Expression } from '../../../cel/environment.ts'
import { declare } from '../../../cel/schema/declare.ts'
import { estimateCost } from '../../../cel/schema/estimate.ts'
import type { CelSchema, Declaration } from '../../../cel/schema/types.ts'
import { bool, optional, string } from '../../../cel/types/types.ts'
import type { Rule, Schema } from '../../registry/apiextensions/types.ts'

/** One rule of x-kubernetes-validations, ready to be evaluated. */
export interface CompiledRule {
  readonly rule: Rule
  /** Absent where the rule does not compile: `error` says why. */
  readonly expression?: Expression
  readonly error?: string
  /** It speaks of the state before an update. */
  readonly isTransition: boolean
  readonly message?: Expression
  readonly messageError?: string
}

/** The rules of one schema, and how its values look to them. */
export interface SchemaRules {
  readonly rules: readonly CompiledRule[]
  readonly self: Declaration
}

/** Undefined where the schema has no rules. Source: apiextensions schema/cel/compilation.go. */
export function compileSchemaRules(schema: Schema, isResource: boolean): SchemaRules | undefined {
  const rules = schema['x-kubernetes-validations'] ?? []
  if (!rules.length) return undefined
  const self = declare(schema as CelSchema, { resource: isResource })
  if (!self) return undefined
  const compiler = new RuleCompiler(self)
  return { rules: rules.map((rule) => compiler.compile(rule)), self }
}

class RuleCompiler {
  readonly #plain: Environment
  readonly #self: Declaration

  constructor(self: Declaration) {
    this.#self = self
    this.#plain = new Environment({ variables: { self: self.type } })
  }

  compile(rule: Rule): CompiledRule {
    const { type } = this.#self
    const transition = this.#plain.with({ oldSelf: rule.optionalOldSelf ? optional(type) : type })
    const source = rule.rule ?? ''
    const plain = attempt(this.#plain, source)
    const compiled = plain.expression ? plain : attempt(transition, source)
    const isTransition = !plain.expression && compiled.expression !== undefined
    const { expression } = compiled
    if (!expression) return { rule, isTransition, error: `compilation failed: ${compiled.error}` }
    if (!yields(expression, bool)) return { rule, isTransition, error: 'cel expression must evaluate to a bool' }
    return { rule, isTransition, expression, ...this.#message(transition, rule) }
  }

  #message(environment: Environment, { messageExpression }: Rule): Pick<CompiledRule, 'message' | 'messageError'> {
    if (!messageExpression) return {}
    const { expression, error } = attempt(environment, messageExpression)
    if (!expression) return { messageError: `messageExpression compilation failed: ${error}` }
    if (!yields(expression, string)) return { messageError: 'messageExpression must evaluate to a string' }
    return { message: expression }
  }
}

function attempt(environment: Environment, source: string): { expression?: Expression; error?: string } {
  try {
    return { expression: environment.compile(source) }
  } catch (error) {
    if (error instanceof CompileError) return { error: error.message }
    throw error
  }
}

/** What evaluating an expression once may cost at most. */
export const estimatedCost = ({ checked }: Expression, self: Declaration): number =>
  estimateCost(checked, { self, oldSelf: self }).max
