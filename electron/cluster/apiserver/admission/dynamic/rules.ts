import type { NamedRule } from '../../registry/admissionregistration/rules.ts'
import type { GroupVersionResource } from './admitted.ts'

/** What rules look at. */
export interface Asked {
  readonly operation: string
  readonly resource: GroupVersionResource
  readonly subresource: string
  readonly namespace: string | undefined
  readonly name: string
}

const includes = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes('*') || list.includes(value))

/** Source: apiserver/pkg/admission/plugin/webhook/predicates/rules. */
export function ruleMatches(rule: NamedRule, asked: Asked): boolean {
  const { group, version } = asked.resource
  return (
    inScope(rule.scope, asked) &&
    includes(rule.operations, asked.operation) &&
    includes(rule.apiGroups, group) &&
    includes(rule.apiVersions, version) &&
    (rule.resources ?? []).some((each) => isResource(each, asked)) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(asked.name))
  )
}

/** Namespaces are in no namespace, whatever their requests say. */
function inScope(scope: string | undefined, { resource, namespace }: Asked): boolean {
  if (scope === undefined || scope === '*' || scope === '') return true
  const isNamespaced = !!namespace && !(resource.group === '' && resource.resource === 'namespaces')
  return (scope === 'Namespaced') === isNamespaced
}

function isResource(rule: string, { resource, subresource }: Asked): boolean {
  const slash = rule.indexOf('/')
  const [name, part] = slash < 0 ? [rule, ''] : [rule.slice(0, slash), rule.slice(slash + 1)]
  return (name === '*' || name === resource.resource) && (part === '*' || part === subresource)
}
