import type { MatchCondition } from '../../registry/admissionregistration/rules.ts'
import { compileTyped } from '../../../cel/admission/compile.ts'
import type { Environment, Expression } from '../../../cel/environment.ts'
import { bool } from '../../../cel/types/types.ts'
import { joined } from '../request.ts'
import type { Activation } from './activation.ts'

export interface CompiledCondition {
  readonly source: string
  readonly compiled: Expression | { error: string }
}

export const compileConditions = (
  environment: Environment,
  conditions: readonly MatchCondition[] | undefined,
): readonly CompiledCondition[] =>
  (conditions ?? []).map(({ expression = '' }) => ({
    source: expression,
    compiled: compileTyped(environment, expression, [bool]),
  }))

/** One that is false decides, whatever is wrong with others. Source: webhook/matchconditions/matcher.go. */
export function conditionsMatch(
  conditions: readonly CompiledCondition[],
  activation: Activation,
): boolean | { error: string } {
  const errors: string[] = []
  for (const { source, compiled } of conditions) {
    const found = activation.evaluate(compiled, source)
    if ('error' in found) errors.push(found.error)
    else if (found.value === false) return false
  }
  return errors.length ? { error: joined([...new Set(errors)]) } : true
}
