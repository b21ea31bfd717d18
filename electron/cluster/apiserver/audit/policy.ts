import { StatusError } from '#shared/kube/status.ts'
import type { Attributes } from '../authz/authorizer.ts'
import { yamlToJson } from '../handlers/yaml.ts'

export const levels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const
export const stages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const
export type Level = (typeof levels)[number]
export type Stage = (typeof stages)[number]

interface Rule {
  level: Level
  users?: string[]
  userGroups?: string[]
  verbs?: string[]
  resources?: { group?: string; resources?: string[]; resourceNames?: string[] }[]
  namespaces?: string[]
  nonResourceURLs?: string[]
  omitStages?: Stage[]
  omitManagedFields?: boolean
}

interface PolicyFile {
  apiVersion?: string
  kind?: string
  omitStages?: Stage[]
  omitManagedFields?: boolean
  rules?: Rule[]
}

/** How much of a request is written down, and when. */
export interface Verdict {
  level: Level
  omitted: ReadonlySet<Stage>
  omitManagedFields: boolean
}

export interface AuditPolicy {
  verdict(attributes: Attributes): Verdict
}

export class AuditPolicyError extends Error {}

/** Reads an audit.k8s.io/v1 Policy in YAML or JSON. Throws AuditPolicyError, which names the field. */
export function readPolicy(text: string): AuditPolicy {
  let file: PolicyFile
  try {
    file = (JSON.parse(yamlToJson(Buffer.from(text))) ?? {}) as PolicyFile
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    throw new AuditPolicyError(error.message)
  }
  const problem = problemOf(file)
  if (problem) throw new AuditPolicyError(problem)
  const compiled = file.rules!.map((rule) => ({
    rule,
    verdict: {
      level: rule.level,
      omitted: new Set([...(file.omitStages ?? []), ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? file.omitManagedFields ?? false,
    },
  }))
  const none: Verdict = { level: 'None', omitted: new Set(), omitManagedFields: false }
  return { verdict: (attributes) => compiled.find(({ rule }) => matches(rule, attributes))?.verdict ?? none }
}

function problemOf({ apiVersion, kind, rules, omitStages }: PolicyFile): string | undefined {
  if (apiVersion !== 'audit.k8s.io/v1' || kind !== 'Policy')
    return `apiVersion and kind must be audit.k8s.io/v1 and Policy, not ${String(apiVersion)} and ${String(kind)}`
  if (!Array.isArray(rules) || !rules.length) return 'rules: there must be at least one'
  const wrongStage = (given: unknown[] | undefined) => given?.find((stage) => !stages.includes(stage as Stage))
  const wrong = wrongStage(omitStages)
  if (wrong !== undefined) return `omitStages: ${String(wrong)} is none of ${stages.join(', ')}`
  for (const [i, rule] of rules.entries()) {
    const at = `rules[${i}]`
    if (!levels.includes(rule.level)) return `${at}.level: ${String(rule.level)} is none of ${levels.join(', ')}`
    const stage = wrongStage(rule.omitStages)
    if (stage !== undefined) return `${at}.omitStages: ${String(stage)} is none of ${stages.join(', ')}`
    if (rule.nonResourceURLs?.length && (rule.resources?.length || rule.namespaces?.length))
      return `${at}.nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs`
  }
  return undefined
}

/** Source: apiserver/pkg/audit/policy/checker.go. */
function matches(rule: Rule, attributes: Attributes): boolean {
  const { user, verb } = attributes
  if (rule.users?.length && !rule.users.includes(user.name)) return false
  if (rule.userGroups?.length && !rule.userGroups.some((group) => user.groups.includes(group))) return false
  if (rule.verbs?.length && !rule.verbs.includes(verb)) return false
  if (rule.namespaces?.length || rule.resources?.length) return matchesResource(rule, attributes)
  if (rule.nonResourceURLs?.length) return !attributes.isResource && matchesPath(rule.nonResourceURLs, attributes.path)
  return true
}

function matchesResource(
  { namespaces, resources }: Rule,
  { isResource, namespace, group, resource, subresource, name }: Attributes,
): boolean {
  if (!isResource || (namespaces?.length && !namespaces.includes(namespace))) return false
  if (!resources?.length) return true
  const combined = subresource ? `${resource}/${subresource}` : resource
  return resources.some((selected) => {
    if ((selected.group ?? '') !== group) return false
    if (!selected.resources?.length) return true
    if (selected.resourceNames?.length && !selected.resourceNames.includes(name)) return false
    return selected.resources.some(
      (pattern) =>
        pattern === '*' ||
        pattern === combined ||
        (subresource !== '' && (pattern === `${resource}/*` || pattern === `*/${subresource}`)),
    )
  })
}

const matchesPath = (patterns: readonly string[], path: string): boolean =>
  patterns.some(
    (pattern) =>
      pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))),
  )
