import type { FieldError } from '#shared/kube/status.ts'
import { compileTyped } from '../../../cel/admission/compile.ts'
import { admissionEnvironment } from '../../../cel/admission/environment.ts'
import { applyConfigurationType, patchOperationType } from '../../../cel/admission/patch-types.ts'
import { compose } from '../../../cel/admission/variables.ts'
import type { Environment } from '../../../cel/environment.ts'
import { bool, list, nullType, string, type CelType } from '../../../cel/types/types.ts'
import { invalid } from '../validation/field.ts'

type Check = (expression: string, path: string) => FieldError[]

/** What expressions of a policy or webhook must compile to. Made once for each object that is validated. */
export interface ExpressionChecks {
  readonly condition: Check
  /** Variables come in order: each is known to what follows. */
  readonly variable: (name: string, expression: string, path: string) => FieldError[]
  readonly validation: Check
  readonly message: Check
  readonly annotation: Check
  readonly applyConfiguration: Check
  readonly jsonPatch: Check
}

function check(environment: Environment, wanted: readonly CelType[]): Check {
  return (expression, path) => {
    const compiled = compileTyped(environment, expression, wanted)
    return 'error' in compiled ? [invalid(path, expression, compiled.error)] : []
  }
}

export function expressionChecks({ params }: { params: boolean }): ExpressionChecks {
  const variables: { name: string; expression: string }[] = []
  const environment = (patches = false) =>
    compose(admissionEnvironment({ params, authorizer: true, patches }), variables).environment
  // Compiled when asked for: then all variables are known.
  const later =
    (wanted: readonly CelType[], of: () => Environment): Check =>
    (expression, path) =>
      check(of(), wanted)(expression, path)
  const messages = () => environment().without('authorizer', 'authorizer.requestResource')
  return {
    condition: (expression, path) =>
      check(admissionEnvironment({ params, authorizer: true }), [bool])(expression.trim(), path),
    variable(name, expression, path) {
      const errors = check(environment(), [])(expression, path)
      variables.push({ name, expression })
      return errors
    },
    validation: later([bool], environment),
    message: later([string], messages),
    annotation: later([string, nullType], environment),
    applyConfiguration: later([applyConfigurationType], () => environment(true)),
    jsonPatch: later([list(patchOperationType)], () => environment(true)),
  }
}
