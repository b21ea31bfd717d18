import type { PolicyRule } from 'kubernetes-types/rbac/v1'

/** The smallest parts of what rules allow: one verb on one resource, or on one path. */
function breakdown(rule: PolicyRule): PolicyRule[] {
  const verbs = rule.verbs
  const resources = (rule.apiGroups ?? []).flatMap((group) =>
    (rule.resources ?? []).flatMap((resource) =>
      verbs.flatMap((verb) => {
        const part = { apiGroups: [group], resources: [resource], verbs: [verb] }
        return rule.resourceNames?.length
          ? rule.resourceNames.map((name) => ({ ...part, resourceNames: [name] }))
          : [part]
      }),
    ),
  )
  const paths = (rule.nonResourceURLs ?? []).flatMap((path) =>
    verbs.map((verb) => ({ nonResourceURLs: [path], verbs: [verb] })),
  )
  return [...resources, ...paths]
}

/** What `asked` allows and `held` does not. Source: component-helpers/auth/rbac/validation/policy_compact.go. */
export const missingRights = (held: readonly PolicyRule[], asked: readonly PolicyRule[]): PolicyRule[] =>
  asked.flatMap(breakdown).filter((part) => !held.some((rule) => covers(rule, part)))

function covers(rule: PolicyRule, part: PolicyRule): boolean {
  if (!hasAll(rule.verbs, part.verbs)) return false
  if (part.nonResourceURLs?.length) return part.nonResourceURLs.every((path) => coversPath(rule, path))
  const isNamed =
    !rule.resourceNames?.length || (part.resourceNames?.length && hasAll(rule.resourceNames, part.resourceNames, false))
  return (
    hasAll(rule.apiGroups ?? [], part.apiGroups ?? []) &&
    (part.resources ?? []).every((resource) => coversResource(rule.resources ?? [], resource)) &&
    Boolean(isNamed)
  )
}

const hasAll = (held: readonly string[], asked: readonly string[], wildcard = true): boolean =>
  (wildcard && held.includes('*')) || asked.every((each) => held.includes(each))

function coversResource(held: readonly string[], asked: string): boolean {
  if (held.includes('*') || held.includes(asked)) return true
  const slash = asked.indexOf('/')
  return slash >= 0 && held.includes(`*${asked.slice(slash)}`)
}

const coversPath = ({ nonResourceURLs = [] }: PolicyRule, asked: string): boolean =>
  nonResourceURLs.some(
    (path) => path === '*' || path === asked || (path.endsWith('*') && asked.startsWith(path.slice(0, -1))),
  )

/** Parts that differ in their verb only are told as one, each as upstream writes it, in order. */
export function describeRights(parts: readonly PolicyRule[]): string[] {
  const merged = new Map<string, PolicyRule>()
  for (const part of parts) {
    const key = JSON.stringify({ ...part, verbs: [] })
    const known = merged.get(key)
    if (!known) merged.set(key, { ...part })
    else if (!known.verbs.includes(part.verbs[0]!)) known.verbs = [...known.verbs, ...part.verbs]
  }
  return [...new Set([...merged.values()].map(compact))].sort()
}

/** Source: CompactString in pkg/apis/rbac/v1. */
function compact({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: PolicyRule): string {
  const shown = Object.entries({
    APIGroups: apiGroups,
    Resources: resources,
    NonResourceURLs: nonResourceURLs,
    ResourceNames: resourceNames,
    Verbs: verbs,
  })
  return `{${shown.flatMap(([name, values]) => (values?.length ? [`${name}:${quotedList(values)}`] : [])).join(', ')}}`
}

/** Go's `%q` of a list. */
export const quotedList = (values: readonly string[]): string =>
  `[${values.map((value) => JSON.stringify(value)).join(' ')}]`
