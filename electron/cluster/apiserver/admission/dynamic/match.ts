import type { MatchResources, NamedRule } from '../../registry/admissionregistration/rules.ts'
import type { Admitted, Matched } from './admitted.ts'
import { ruleMatches, type Asked } from './rules.ts'
import { namespaceMatches, objectMatches } from './selectors.ts'

/** The version in which one of the rules means the request: its own, or with matchPolicy Equivalent another served one. */
export function matchRules(
  admitted: Admitted,
  rules: readonly NamedRule[],
  matchPolicy: string | undefined,
): Matched | undefined {
  const { operation, subresource, namespace, name } = admitted.request
  const asked = ({ resource }: Matched): Asked => ({ operation, resource, subresource, namespace, name })
  if (rules.some((rule) => ruleMatches(rule, asked(admitted.own)))) return admitted.own
  if (matchPolicy === 'Exact') return undefined
  for (const rule of rules) {
    const found = admitted.equivalents.find((each) => ruleMatches(rule, asked(each)))
    if (found) return found
  }
  return undefined
}

/** Whether, and in which version, a policy or binding means the request. Throws what selectors throw. */
export function matchResources(admitted: Admitted, resources: MatchResources | undefined): Matched | undefined {
  if (!resources) return admitted.own
  const { namespaceSelector, objectSelector, matchPolicy, resourceRules, excludeResourceRules } = resources
  if (!namespaceMatches(namespaceSelector, admitted.request)) return undefined
  if (!objectMatches(objectSelector, admitted.request)) return undefined
  if (excludeResourceRules?.length && matchRules(admitted, excludeResourceRules, matchPolicy)) return undefined
  return resourceRules?.length ? matchRules(admitted, resourceRules, matchPolicy) : admitted.own
}
