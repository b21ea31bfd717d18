import { compileTyped } from '../../../cel/admission/compile.ts'
import { admissionEnvironment } from '../../../cel/admission/environment.ts'
import { compose, type Composition } from '../../../cel/admission/variables.ts'
import type { Expression } from '../../../cel/environment.ts'
import { bool, nullType, string } from '../../../cel/types/types.ts'
import { compileConditions, type CompiledCondition } from '../dynamic/conditions.ts'
import type { ValidatingSpec } from './types.ts'

type Compiled = Expression | { error: string }

export interface CompiledValidating {
  readonly conditions: readonly CompiledCondition[]
  readonly composition: Composition
  readonly validations: readonly { readonly expression: Compiled; readonly message: Compiled | undefined }[]
  readonly annotations: readonly Compiled[]
}

export function compileValidating(spec: ValidatingSpec): CompiledValidating {
  const params = spec.paramKind !== undefined
  const environment = admissionEnvironment({ params, authorizer: true })
  const composition = compose(environment, spec.variables ?? [])
  const composed = composition.environment
  // Messages have no authorizer: they are made when the verdict is in.
  const messages = composed.without('authorizer', 'authorizer.requestResource')
  return {
    conditions: compileConditions(environment, spec.matchConditions),
    composition,
    validations: (spec.validations ?? []).map(({ expression, messageExpression }) => ({
      expression: compileTyped(composed, expression, [bool]),
      message: messageExpression ? compileTyped(messages, messageExpression, [string]) : undefined,
    })),
    annotations: (spec.auditAnnotations ?? []).map(({ valueExpression }) =>
      compileTyped(composed, valueExpression, [string, nullType]),
    ),
  }
}
