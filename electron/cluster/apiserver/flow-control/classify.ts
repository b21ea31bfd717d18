import type { FlowSchema } from 'kubernetes-types/flowcontrol/v1'
import { splitServiceAccount } from '../authn/user.ts'
import type { Attributes } from '../authz/authorizer.ts'
import type { UserInfo } from '../registry/kind.ts'

type Rule = NonNullable<FlowSchema['spec']>['rules'] extends (infer R)[] | undefined ? R : never
type ResourceRule = NonNullable<Rule['resourceRules']>[number]
type NonResourceRule = NonNullable<Rule['nonResourceRules']>[number]
type Subject = Rule['subjects'][number]

/** A FlowSchema, ready to be asked. */
export interface Schema {
  readonly name: string
  readonly uid: string
  readonly precedence: number
  /** Name of its priority level. */
  readonly level: string
  /** Some of its rules are for certain namespaces only. */
  readonly tellsNamespaces: boolean
  matches(attributes: Attributes): boolean
  /** Who shares a flow: requests of one flow wait for each other. */
  flowOf(attributes: Attributes): string
}

export function compile({ metadata, spec }: FlowSchema): Schema {
  const method = spec?.distinguisherMethod?.type
  const rules = spec?.rules ?? []
  const name = metadata?.name ?? ''
  return {
    name,
    uid: metadata?.uid ?? '',
    precedence: spec?.matchingPrecedence ?? 1000,
    level: spec?.priorityLevelConfiguration.name ?? '',
    tellsNamespaces: rules.some(({ resourceRules }) =>
      resourceRules?.some(({ namespaces }) => namespaces?.some((namespace) => namespace !== '*')),
    ),
    matches: (attributes) => rules.some((rule) => matchesRule(rule, attributes)),
    flowOf: ({ user, namespace }) => (method === 'ByUser' ? user.name : method === 'ByNamespace' ? namespace : ''),
  }
}

/** Lower precedence first, then by name. Source: apiserver/pkg/util/flowcontrol/formatting. */
export const inOrder = (a: Schema, b: Schema): number => a.precedence - b.precedence || (a.name < b.name ? -1 : 1)

/** Source: apiserver/pkg/util/flowcontrol/rule.go. */
function matchesRule({ subjects, resourceRules, nonResourceRules }: Rule, attributes: Attributes): boolean {
  if (!subjects.some((subject) => matchesSubject(subject, attributes.user))) return false
  return attributes.isResource
    ? (resourceRules?.some((rule) => matchesResource(rule, attributes)) ?? false)
    : (nonResourceRules?.some((rule) => matchesPath(rule, attributes)) ?? false)
}

function matchesSubject({ kind, user, group, serviceAccount }: Subject, asking: UserInfo): boolean {
  switch (kind) {
    case 'User':
      return user?.name === '*' || user?.name === asking.name
    case 'Group':
      return group?.name === '*' || asking.groups.includes(group?.name ?? '')
    case 'ServiceAccount': {
      const account = splitServiceAccount(asking.name)
      if (!account || account.namespace !== serviceAccount?.namespace) return false
      return serviceAccount.name === '*' || serviceAccount.name === account.name
    }
    default:
      return false
  }
}

const has = (values: readonly string[], value: string): boolean => values.includes('*') || values.includes(value)

function matchesResource(rule: ResourceRule, { verb, group, resource, subresource, namespace }: Attributes): boolean {
  if (!has(rule.verbs, verb) || !has(rule.apiGroups, group)) return false
  if (!has(rule.resources, subresource ? `${resource}/${subresource}` : resource)) return false
  return namespace === '' ? (rule.clusterScope ?? false) : has(rule.namespaces ?? [], namespace)
}

const matchesPath = ({ verbs, nonResourceURLs }: NonResourceRule, { verb, path }: Attributes): boolean =>
  has(verbs, verb) &&
  nonResourceURLs.some(
    (url) => url === '*' || url === path || (url.endsWith('/*') && path.startsWith(url.slice(0, -1))),
  )
