import type * as v1 from 'kubernetes-types/core/v1'
import type { FieldError } from '#shared/kube/status.ts'
import type { Loose } from '../../loose.ts'
import { asInvalid, duplicate, forbidden, invalid, notSupported, required } from '../../validation/field.ts'
import { validateLabelName, validateLabelSelector, type LooseSelector } from '../../validation/labels.ts'
import { dnsLabel, dnsSubdomain, isLabelValue } from '../../validation/names.ts'
import type { Affinity, PodSpec, Toleration } from './types.ts'

export const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export function validateTolerations(tolerations: readonly Toleration[] | undefined, path: string): FieldError[] {
  return (tolerations ?? []).flatMap((toleration, i) => {
    const at = `${path}[${i}]`
    const { key = '', operator = '', value = '', effect = '' } = toleration
    const errors = key ? validateLabelName(key, `${at}.key`) : []
    if (!key && operator !== 'Exists') {
      errors.push(
        invalid(
          `${at}.operator`,
          operator,
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      )
    }
    if (toleration.tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"))
    }
    if (operator === '' || operator === 'Equal') {
      const wrong = isLabelValue(value)
      if (wrong.length) errors.push(invalid(`${at}.operator`, value, wrong.join(';')))
    } else if (operator === 'Exists') {
      if (value) errors.push(invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"))
    } else errors.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists']))
    if (effect && !effects.includes(effect)) errors.push(notSupported(`${at}.effect`, effect, effects))
    return errors
  })
}

export function validateAffinity(affinity: Affinity | undefined, path: string): FieldError[] {
  if (!affinity) return []
  const errors: FieldError[] = []
  const hard = 'requiredDuringSchedulingIgnoredDuringExecution'
  const soft = 'preferredDuringSchedulingIgnoredDuringExecution'
  const { nodeAffinity } = affinity
  if (nodeAffinity?.[hard]) errors.push(...validateNodeSelector(nodeAffinity[hard], `${path}.nodeAffinity.${hard}`))
  for (const [i, term] of (nodeAffinity?.[soft] ?? []).entries()) {
    const at = `${path}.nodeAffinity.${soft}[${i}]`
    errors.push(...validateWeight(term.weight, at), ...validateTerm(term.preference ?? {}, false, `${at}.preference`))
  }
  for (const name of ['podAffinity', 'podAntiAffinity'] as const) {
    const part = affinity[name]
    for (const [i, term] of (part?.[hard] ?? []).entries())
      errors.push(...validatePodTerm(term, `${path}.${name}.${hard}[${i}]`))
    for (const [i, { weight, podAffinityTerm }] of (part?.[soft] ?? []).entries()) {
      const at = `${path}.${name}.${soft}[${i}]`
      errors.push(...validateWeight(weight, at), ...validatePodTerm(podAffinityTerm ?? {}, `${at}.podAffinityTerm`))
    }
  }
  return errors
}

const validateWeight = (weight = 0, at: string): FieldError[] =>
  weight <= 0 || weight > 100 ? [invalid(`${at}.weight`, weight, 'must be in the range 1-100')] : []

export function validateNodeSelector(selector: Loose<v1.NodeSelector>, path: string): FieldError[] {
  const terms = selector.nodeSelectorTerms ?? []
  if (!terms.length) return [required(`${path}.nodeSelectorTerms`, 'must have at least one node selector term')]
  return terms.flatMap((term, i) => validateTerm(term, true, `${path}.nodeSelectorTerms[${i}]`))
}

function validateTerm(term: Loose<v1.NodeSelectorTerm>, checkValues: boolean, path: string): FieldError[] {
  return [
    ...(term.matchExpressions ?? []).flatMap((requirement, i) =>
      validateNodeRequirement(requirement, checkValues, `${path}.matchExpressions[${i}]`),
    ),
    ...(term.matchFields ?? []).flatMap((requirement, i) =>
      validateNodeField(requirement, `${path}.matchFields[${i}]`),
    ),
  ]
}

type NodeRequirement = Loose<v1.NodeSelectorRequirement>

function validateNodeRequirement(
  { key, operator = '', values = [] }: NodeRequirement,
  checkValues: boolean,
  path: string,
): FieldError[] {
  const errors: FieldError[] = []
  if (operator === 'In' || operator === 'NotIn') {
    if (!values.length) errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length)
      errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1)
      errors.push(required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
  } else errors.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'))
  errors.push(...validateLabelName(key, `${path}.key`))
  // Preferences with impossible values have always been let through.
  if (checkValues)
    for (const [i, value] of values.entries())
      errors.push(...asInvalid(`${path}.values[${i}]`, value, isLabelValue(value)))
  return errors
}

function validateNodeField({ key = '', operator = '', values = [] }: NodeRequirement, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (operator !== 'In' && operator !== 'NotIn')
    errors.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'))
  else if (values.length !== 1) {
    errors.push(
      required(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
    )
  }
  if (key !== 'metadata.name') errors.push(invalid(`${path}.key`, key, 'not a valid field selector key'))
  else
    for (const [i, value] of values.entries())
      errors.push(...asInvalid(`${path}.values[${i}]`, value, dnsSubdomain(value, false)))
  return errors
}

type PodTerm = Loose<v1.PodAffinityTerm>

function validatePodTerm(term: PodTerm, path: string): FieldError[] {
  const errors = [
    ...validateLabelSelector(term.labelSelector, `${path}.labelSelector`),
    ...validateLabelSelector(term.namespaceSelector, `${path}.namespaceSelector`),
  ]
  for (const name of term.namespaces ?? []) errors.push(...asInvalid(`${path}.namespace`, name, dnsLabel(name, false)))
  errors.push(...validateKeyLists(term, path))
  if (!term.topologyKey) errors.push(required(`${path}.topologyKey`, 'can not be empty'))
  errors.push(...validateLabelName(term.topologyKey, `${path}.topologyKey`))
  return errors
}

function validateKeyLists(term: PodTerm, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const name of ['matchLabelKeys', 'mismatchLabelKeys'] as const) {
    const keys = term[name] ?? []
    if (keys.length && !term.labelSelector)
      errors.push(forbidden(`${path}.${name}`, 'must not be specified when labelSelector is not set'))
    else for (const [i, key] of keys.entries()) errors.push(...validateLabelName(key, `${path}.${name}[${i}]`))
  }
  errors.push(...selectedTwice(term.matchLabelKeys, term.labelSelector, path))
  for (const [i, key] of (term.matchLabelKeys ?? []).entries()) {
    if (term.mismatchLabelKeys?.includes(key)) {
      errors.push(invalid(`${path}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'))
    }
  }
  return errors
}

/** By now each key has become a requirement of the selector's: one that was there before is one too many. */
function selectedTwice(
  keys: readonly string[] | undefined,
  selector: LooseSelector | undefined,
  path: string,
): FieldError[] {
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}))
  return (selector?.matchExpressions ?? []).flatMap(({ key = '' }) => {
    const i = keys?.lastIndexOf(key) ?? -1
    const again = i >= 0 && seen.has(key)
    seen.add(key)
    return again ? [invalid(`${path}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector')] : []
  })
}

const actions = ['DoNotSchedule', 'ScheduleAnyway']

export function validateSpreadConstraints(
  constraints: PodSpec['topologySpreadConstraints'],
  path: string,
): FieldError[] {
  const errors: FieldError[] = []
  for (const [i, constraint] of (constraints ?? []).entries()) {
    const at = `${path}[${i}]`
    const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '', minDomains } = constraint
    if (maxSkew <= 0) errors.push(invalid(`${at}.maxSkew`, maxSkew, 'must be greater than zero'))
    if (!topologyKey) errors.push(required(`${at}.topologyKey`, 'can not be empty'))
    if (!actions.includes(whenUnsatisfiable))
      errors.push(notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, actions))
    const later = constraints!.slice(i + 1)
    if (
      later.some(
        (other) =>
          other.topologyKey === constraint.topologyKey && other.whenUnsatisfiable === constraint.whenUnsatisfiable,
      )
    ) {
      errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`))
    }
    if (minDomains !== undefined) {
      if (minDomains <= 0) errors.push(invalid(`${at}.minDomains`, minDomains, 'must be greater than zero'))
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`
        errors.push(invalid(`${at}.minDomains`, minDomains, text))
      }
    }
    for (const name of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const policy = constraint[name]
      if (policy !== undefined && policy !== 'Honor' && policy !== 'Ignore')
        errors.push(notSupported(`${at}.${name}`, policy, ['Honor', 'Ignore']))
    }
    errors.push(...validateSpreadKeys(constraint.matchLabelKeys, constraint.labelSelector, `${at}.matchLabelKeys`))
    errors.push(...validateLabelSelector(constraint.labelSelector, `${at}.labelSelector`))
  }
  return errors
}

function validateSpreadKeys(
  keys: readonly string[] | undefined,
  selector: LooseSelector | undefined,
  path: string,
): FieldError[] {
  if (!keys?.length) return []
  return [
    ...(selector ? [] : [forbidden(path, 'must not be specified when labelSelector is not set')]),
    ...keys.flatMap((key, i) => validateLabelName(key, `${path}[${i}]`)),
    ...selectedTwice(keys, selector, path),
  ]
}
