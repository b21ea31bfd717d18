import type { FieldError } from '#shared/kube/status.ts'

/**
 * What validation came to. `matches` counts checks that were passed: of several failed alternatives the one with the
 * most is the one whose errors are shown. Source: kube-openapi validation/validate/result.go.
 */
export interface Result {
  readonly errors: FieldError[]
  matches: number
}

/** Checks one value. `old` is what stood there before an update. */
export type Validator = (value: unknown, path: string, old?: unknown) => Result

export const passed = (matches = 0): Result => ({ errors: [], matches })
export const failed = (...errors: FieldError[]): Result => ({ errors, matches: 0 })

export function mergeInto(result: Result, other: Result): void {
  for (const error of other.errors) result.errors.push(error)
  result.matches += other.matches
}
