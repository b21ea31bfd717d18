import { OutOfBudgetError, type Activation } from '../dynamic/activation.ts'
import type { CompiledValidating } from './compile-validating.ts'
import type { ValidatingSpec, Validation } from './types.ts'

export interface Decision {
  readonly action: 'admit' | 'deny'
  readonly message: string
  /** Of denials that the policy meant, not of those that errors made. */
  readonly reason?: string
}

export interface Annotation {
  readonly key: string
  /** Undefined: none is added. */
  readonly value?: string
  readonly error?: string
}

export interface PolicyResult {
  /** In the order of the policy's validations. */
  readonly decisions: readonly Decision[]
  readonly annotations: readonly Annotation[]
}

const longestMessage = 5 * 1024

/** What the policy says of a request. Throws OutOfBudgetError. Source: validating/validator.go. */
export function validatePolicy(
  compiled: CompiledValidating,
  spec: ValidatingSpec,
  activation: Activation,
): PolicyResult {
  const onError = spec.failurePolicy === 'Ignore' ? 'admit' : 'deny'
  const found = (spec.validations ?? []).map((validation, i) =>
    activation.evaluate(compiled.validations[i]!.expression, validation.expression),
  )
  const decisions = (spec.validations ?? []).map((validation, i): Decision => {
    const result = found[i]!
    if ('error' in result) return { action: onError, message: result.error }
    if (result.value === true) return { action: 'admit', message: '' }
    try {
      const message = messageOf(validation, compiled.validations[i]!.message, activation)
      return { action: 'deny', message, reason: validation.reason ?? 'Invalid' }
    } catch (error) {
      if (!(error instanceof OutOfBudgetError)) throw error
      return { action: onError, message: `failed messageExpression: ${error.message}` }
    }
  })
  const annotations = (spec.auditAnnotations ?? []).map(({ key, valueExpression }, i): Annotation => {
    const result = activation.evaluate(compiled.annotations[i]!, valueExpression)
    if ('error' in result) return { key, ...(onError === 'deny' && { error: result.error }) }
    const value = typeof result.value === 'string' ? result.value.trim() : ''
    return { key, ...(value && { value }) }
  })
  return { decisions, annotations }
}

/** The first of what the expression makes, the policy's own words, and the expression that failed. */
function messageOf(
  { message, expression, messageExpression }: Validation,
  compiled: CompiledValidating['validations'][number]['message'],
  activation: Activation,
): string {
  const made = compiled && activation.evaluate(compiled, messageExpression!)
  const text = made && 'value' in made && typeof made.value === 'string' ? made.value.trim() : ''
  if (text && text.length <= longestMessage && !text.includes('\n')) return text
  return message?.trim() || `failed expression: ${expression.trim()}`
}
