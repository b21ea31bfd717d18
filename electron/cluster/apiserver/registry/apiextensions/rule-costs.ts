import type { FieldError } from '#shared/kube/status.ts'
import { staticEstimateLimit, staticEstimateTotal } from '../../../cel/schema/estimate.ts'
import { compileSchemaRules, estimatedCost, type CompiledRule } from '../../crd/rules/compile.ts'
import { forbidden, invalid } from '../validation/field.ts'
import type { Rule, Schema } from './types.ts'

const largestRequest = 3 * 1024 * 1024
const most = 2 ** 64 - 1

interface Spent {
  total: number
  dearest: { path: string; cost: number }[]
}

/**
 * Compiles the rules of a schema and estimates what they may cost in one request: a rule within a list counts once for
 * every item that there may be. Source: ValidateCustomResourceDefinitionOpenAPISchema and cel_validation.go.
 */
export class RuleCosts {
  readonly #spent: Spent
  /** How often the rules here may run; undefined: as often as values fit into a request. */
  readonly #times: number | undefined

  constructor(spent: Spent = { total: 0, dearest: [] }, times: number | undefined = 1) {
    this.#spent = spent
    this.#times = times
  }

  /** Within a list or map of at most so many. */
  within(count: number | undefined): RuleCosts {
    return new RuleCosts(
      this.#spent,
      count === undefined || this.#times === undefined ? undefined : this.#times * count,
    )
  }

  check(schema: Schema, path: string, uncorrelated: string | undefined, isRoot: boolean): FieldError[] {
    const compiled = compileSchemaRules(schema, isRoot)
    if (!compiled) return []
    const { self, rules } = compiled
    const times = this.#times ?? Math.floor(largestRequest / (self.smallest + 1))
    const costErrors = (at: string, what: string, cost: number): FieldError[] => {
      this.#observe(at, cost)
      return cost > staticEstimateLimit ? [forbidden(at, exceeds(what, cost, staticEstimateLimit))] : []
    }
    return rules.flatMap((rule, i) => {
      const at = `${path}[${i}]`
      const errors: FieldError[] = []
      if (rule.expression) {
        const cost = Math.min(most, estimatedCost(rule.expression, self) * times)
        errors.push(...costErrors(`${at}.rule`, 'estimated rule cost', cost))
      }
      if (rule.message) {
        const cost = estimatedCost(rule.message, self)
        errors.push(...costErrors(`${at}.messageExpression`, 'estimated messageExpression cost', cost))
      }
      return [...errors, ...compileErrors(rule, at, uncorrelated)]
    })
  }

  /** What is too much for the whole schema. */
  totalErrors(path: string): FieldError[] {
    const { total, dearest } = this.#spent
    if (total <= staticEstimateTotal) return []
    const text = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema'
    const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema'
    return [
      ...dearest.map((each) => forbidden(each.path, text)),
      forbidden(path, exceeds(what, total, staticEstimateTotal)),
    ]
  }

  #observe(path: string, cost: number): void {
    this.#spent.total = Math.min(most, this.#spent.total + cost)
    if (cost * 100 < staticEstimateTotal) return
    this.#spent.dearest = [...this.#spent.dearest, { path, cost }].sort((a, b) => b.cost - a.cost).slice(0, 4)
  }
}

function compileErrors(
  { rule, error, messageError, isTransition }: CompiledRule,
  at: string,
  uncorrelated: string | undefined,
) {
  const errors: FieldError[] = []
  if (error !== undefined) errors.push(invalid(`${at}.rule`, shown(rule), error))
  if (messageError !== undefined) errors.push(invalid(`${at}.messageExpression`, shown(rule), messageError))
  if (isTransition && uncorrelated !== undefined) {
    const text = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`
    errors.push(invalid(`${at}.rule`, rule.rule, text))
  } else if (!isTransition && rule.optionalOldSelf !== undefined && error === undefined)
    errors.push(invalid(`${at}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'))
  return errors
}

/** A rule as Go shows it. */
const shown = (rule: Rule): object => ({
  Rule: rule.rule ?? '',
  Message: rule.message ?? '',
  MessageExpression: rule.messageExpression ?? '',
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? '',
  OptionalOldSelf: rule.optionalOldSelf ?? null,
})

function exceeds(what: string, cost: number, limit: number): string {
  const times = cost / limit
  const factor = times > 100 ? 'more than 100x' : times < 1.5 ? `${times.toFixed(6)}x` : `${times.toFixed(1)}x`
  return `${what} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`
}
