import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { perCallLimit, requestBudget } from '../../../cel/environment.ts'
import { CelError, CostLimitError } from '../../../cel/values/errors.ts'
import { Optional, type CelValue } from '../../../cel/values/values.ts'
import type { Rule, Schema } from '../../registry/apiextensions/types.ts'
import { forbidden, invalidUnshown, required } from '../../registry/validation/field.ts'
import { anywhere, partOf } from '../schema/parts.ts'
import { child, indexed, isObject, keyed, own } from '../schema/paths.ts'
import { correlate, nothing, unchanged } from '../validate/ratchet.ts'
import { compileSchemaRules, type CompiledRule, type SchemaRules } from './compile.ts'

const hasRules = anywhere((schema) => (schema['x-kubernetes-validations']?.length ?? 0) > 0)

/**
 * Checks objects by the rules of a schema; undefined where it has none. Rules are compiled when a value first meets
 * them. Source: apiextensions schema/cel/validation.go.
 */
export function ruleCheck(
  schema: Schema,
): ((object: KubeObject, old: KubeObject | undefined) => FieldError[]) | undefined {
  if (!hasRules(schema)) return undefined
  const compiled = new WeakMap<Schema, { rules: SchemaRules | undefined }>()
  const rulesOf = (at: Schema): SchemaRules | undefined => {
    let known = compiled.get(at)
    if (!known) compiled.set(at, (known = { rules: compileSchemaRules(at, at === schema) }))
    return known.rules
  }
  return (object, old) => new Evaluation(rulesOf).run(schema, object, old)
}

/** Nothing more is evaluated for this request. */
class Exhausted extends Error {}

class Evaluation {
  readonly #rulesOf: (schema: Schema) => SchemaRules | undefined
  readonly #errors: FieldError[] = []
  #budget = requestBudget

  constructor(rulesOf: (schema: Schema) => SchemaRules | undefined) {
    this.#rulesOf = rulesOf
  }

  run(schema: Schema, object: unknown, old: unknown): FieldError[] {
    try {
      this.#visit(schema, object, old ?? nothing, '')
    } catch (error) {
      if (!(error instanceof Exhausted)) throw error
    }
    return this.#errors.map((error) => (error.field === '' ? { ...error, field: '<nil>' } : error))
  }

  #visit(schema: Schema, value: unknown, old: unknown, path: string): void {
    if (value === null || value === undefined || !hasRules(schema)) return
    const compiled = this.#rulesOf(schema)
    if (compiled) this.#evaluate(compiled, value, old, path)
    if (Array.isArray(value)) {
      const before = correlate(schema, old)
      if (schema.items)
        for (const [i, item] of value.entries()) this.#visit(schema.items, item, before(item), indexed(path, i))
    } else if (isObject(value)) {
      const comparable = isObject(old) && schema['x-kubernetes-map-type'] !== 'atomic' ? old : undefined
      for (const [name, item] of Object.entries(value)) {
        const part = partOf(schema, name)
        const before = comparable && Object.hasOwn(comparable, name) ? comparable[name] : nothing
        const at = own(schema.properties, name) ? child(path, name) : keyed(path, name)
        if (part) this.#visit(part, item, before, at)
      }
    }
  }

  #evaluate({ rules, self }: SchemaRules, value: unknown, old: unknown, path: string): void {
    const hasOld = old !== nothing && old !== null
    let here: CelValue | undefined
    let before: CelValue | undefined
    const converted = (): CelValue => (here ??= self.convert(value))
    const convertedOld = (): CelValue => (before ??= self.convert(old))
    for (const compiled of rules) {
      const { rule, isTransition } = compiled
      if (compiled.error !== undefined) {
        this.#add(path, `rule compile error: ${compiled.error}`)
        continue
      }
      if (isTransition && !hasOld && !rule.optionalOldSelf) continue
      const variables = (name: string): CelValue | undefined => {
        if (name === 'self') return converted()
        if (name !== 'oldSelf') return undefined
        if (!rule.optionalOldSelf) return convertedOld()
        return hasOld ? Optional.of(convertedOld()) : Optional.none
      }
      if (this.#holds(compiled, variables, path) !== false) continue
      // What did not change may stay as it was.
      if (!isTransition && hasOld && unchanged(value, old)) continue
      const at = rule.fieldPath ? `${path}${fieldSuffix(rule.fieldPath, path)}` : path
      this.#errors.push(errorFor(at, this.#message(compiled, variables, path), rule.reason))
    }
  }

  #add(path: string, detail: string): void {
    this.#errors.push(invalidUnshown(path, detail))
  }

  /** Undefined: it cannot be told, and the error says why. */
  #holds({ rule, expression }: CompiledRule, variables: (name: string) => CelValue | undefined, path: string) {
    try {
      return expression!.evaluate(variables, { limit: perCallLimit, spend: (cost) => this.#spend(cost, path) }) === true
    } catch (error) {
      if (!(error instanceof CelError)) throw error
      const text = sourceOf(rule)
      if (error instanceof CostLimitError) {
        this.#add(
          path,
          `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${text}`,
        )
        throw new Exhausted()
      }
      if (error.message.startsWith('no such overload'))
        this.#add(
          path,
          `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${text}`,
        )
      else this.#add(path, `${error.message} evaluating rule: ${text}`)
      return undefined
    }
  }

  #spend(cost: number, path: string): void {
    if (cost > this.#budget) {
      this.#add(path, 'validation failed due to running out of cost budget, no further validation rules will be run')
      throw new Exhausted()
    }
    this.#budget -= cost
  }

  /** A message that cannot be made, or is none, gives way to the written one. */
  #message({ rule, message }: CompiledRule, variables: (name: string) => CelValue | undefined, path: string): string {
    const written = rule.message?.trim() || `failed rule: ${sourceOf(rule)}`
    if (!message) return written
    try {
      const made = message.evaluate(variables, { limit: perCallLimit, spend: (cost) => this.#spend(cost, path) })
      const text = typeof made === 'string' ? made.trim() : ''
      return text === '' || /[\r\n]/.test(text) ? written : text
    } catch (error) {
      if (error instanceof CelError) return written
      throw error
    }
  }
}

const sourceOf = ({ message, rule }: Rule): string => (message || rule || '').trim()

/** `.spec.x['a.b']` below the rule's own place. */
function fieldSuffix(path: string, base: string): string {
  const plain = path.trim().replace(/\[['"](.*?)['"]\]/g, '[$1]')
  return base === '' ? plain.replace(/^\./, '') : plain
}

function errorFor(path: string, detail: string, reason: string | undefined): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbidden(path, detail)
    case 'FieldValueRequired':
      return required(path, detail)
    case 'FieldValueDuplicate':
      return { type: 'FieldValueDuplicate', field: path, message: 'Duplicate value' }
    default:
      return invalidUnshown(path, detail)
  }
}
