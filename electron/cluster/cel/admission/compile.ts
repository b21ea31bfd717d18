import { CompileError, yields, type Environment, type Expression } from '../environment.ts'
import { formatType, type CelType } from '../types/types.ts'

/** The expression, or why it cannot be used: it does not compile, or is of the wrong type. `wanted` empty: any type. */
export function compileTyped(
  environment: Environment,
  source: string,
  wanted: readonly CelType[],
): Expression | { error: string } {
  try {
    const expression = environment.compile(source)
    if (!wanted.length || yields(expression, ...wanted)) return expression
    const got = nameOf(expression.resultType)
    return {
      error:
        wanted.length === 1
          ? `must evaluate to ${nameOf(wanted[0]!)} but got ${got}`
          : `must evaluate to one of [${wanted.map(nameOf).join(' ')}] but got ${got}`,
    }
  } catch (error) {
    if (error instanceof CompileError) return { error: `compilation failed: ${error.message}` }
    throw error
  }
}

const nameOf = (type: CelType): string => (type.kind === 'null' ? 'null_type' : formatType(type))
