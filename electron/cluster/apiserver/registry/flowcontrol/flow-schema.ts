import type * as v1 from 'kubernetes-types/flowcontrol/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { status } from '../subresources.ts'
import { asInvalid, duplicate, forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { dnsLabel, dnsSubdomain } from '../validation/names.ts'
import { mandatorySchemas, mustEqual } from './mandatory.ts'

type Spec = Loose<v1.FlowSchemaSpec>
type FlowSchema = KubeObject & { spec?: Spec; status?: Loose<v1.FlowSchemaStatus> }
type Rule = NonNullable<Spec['rules']>[number]
type Subject = NonNullable<Rule['subjects']>[number]

const defaultPrecedence = 1000
const highestPrecedence = 10_000
const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch']

function validateVerbs(given: readonly string[] | undefined, path: string): FieldError[] {
  if (!given?.length) return [required(path, 'verbs must contain at least one value')]
  if (given.includes('*'))
    return given.length > 1 ? [invalid(path, given, "if '*' is present, must not specify other verbs")] : []
  return given.every((verb) => verbs.includes(verb)) ? [] : [notSupported(path, given, verbs)]
}

/** Something must be there, and `*` must stand alone. */
function validateWildcard(
  given: readonly string[] | undefined,
  path: string,
  missing: string,
  others: string,
): FieldError[] {
  if (!given?.length) return [required(path, missing)]
  return given.length > 1 && given.includes('*')
    ? [invalid(path, given, `if '*' is present, must not specify other ${others}`)]
    : []
}

/** Source: ValidateNonResourceURLPath. */
function pathProblem(url: string): string | undefined {
  if (!url) return 'must not be empty'
  if (url === '/') return undefined
  if (!url.startsWith('/')) return 'must start with slash'
  if (url.includes(' ')) return 'must not contain white-space'
  if (url.includes('//')) return 'must not contain double slash'
  const star = url.indexOf('*')
  return star >= 0 && (star !== url.length - 1 || !url.endsWith('/*'))
    ? 'wildcard can only do suffix matching'
    : undefined
}

const resourceRuleErrors = (rule: NonNullable<Rule['resourceRules']>[number], path: string): FieldError[] => {
  const errors = [
    ...validateVerbs(rule.verbs, `${path}.verbs`),
    ...validateWildcard(
      rule.apiGroups,
      `${path}.apiGroups`,
      'resource rules must supply at least one api group',
      'api groups',
    ),
    ...validateWildcard(
      rule.resources,
      `${path}.resources`,
      'resource rules must supply at least one resource',
      'resources',
    ),
  ]
  const namespaces = rule.namespaces ?? []
  if (!namespaces.length && !rule.clusterScope) {
    errors.push(
      required(`${path}.namespaces`, 'resource rules that are not cluster scoped must supply at least one namespace'),
    )
  } else if (namespaces.includes('*')) {
    if (namespaces.length > 1)
      errors.push(invalid(`${path}.namespaces`, namespaces, "if '*' is present, must not specify other namespaces"))
  } else {
    for (const [i, name] of namespaces.entries()) {
      const texts = dnsLabel(name, false).map(
        (text) => `each member of this list must be '*' or a DNS-1123 label; ${text}`,
      )
      errors.push(...asInvalid(`${path}.namespaces[${i}]`, name, texts))
    }
  }
  return errors
}

function nonResourceRuleErrors(rule: NonNullable<Rule['nonResourceRules']>[number], path: string): FieldError[] {
  const errors = validateVerbs(rule.verbs, `${path}.verbs`)
  const urls = rule.nonResourceURLs ?? []
  errors.push(
    ...validateWildcard(
      urls,
      `${path}.nonResourceURLs`,
      'nonResourceURLs must contain at least one value',
      'non-resource URLs',
    ),
  )
  if (urls.includes('*')) return errors
  for (const [i, url] of urls.entries()) {
    const problem = pathProblem(url)
    if (problem) errors.push(invalid(`${path}.nonResourceURLs[${i}]`, url, problem))
  }
  return errors
}

const subjectFields = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const

function subjectErrors(subject: Subject, path: string): FieldError[] {
  const { kind = '' } = subject
  const own = (subjectFields as Readonly<Record<string, 'serviceAccount' | 'user' | 'group'>>)[kind]
  if (!own) return [notSupported(`${path}.kind`, kind, ['Group', 'ServiceAccount', 'User'])]
  const errors: FieldError[] = []
  const named = subject[own]
  if (!named) errors.push(required(`${path}.${own}`, `${own} is required when subject kind is '${kind}'`))
  else if (!named.name) errors.push(required(`${path}.${own}.name`))
  const account = kind === 'ServiceAccount' ? subject.serviceAccount : undefined
  if (account) {
    if (account.name && account.name !== '*')
      errors.push(...asInvalid(`${path}.${own}.name`, account.name, dnsSubdomain(account.name, false)))
    if (!account.namespace)
      errors.push(required(`${path}.${own}.namespace`, 'must specify namespace for service account'))
    else errors.push(...asInvalid(`${path}.${own}.namespace`, account.namespace, dnsLabel(account.namespace, false)))
  }
  for (const [name, field] of Object.entries(subjectFields)) {
    if (field !== own && subject[field])
      errors.push(forbidden(`${path}.${field}`, `${field} is forbidden when subject kind is not '${name}'`))
  }
  return errors
}

function ruleErrors(rule: Rule, path: string): FieldError[] {
  const errors = rule.subjects?.length
    ? rule.subjects.flatMap((subject, i) => subjectErrors(subject, `${path}.subjects[${i}]`))
    : [required(`${path}.subjects`, 'subjects must contain at least one value')]
  if (!rule.resourceRules?.length && !rule.nonResourceRules?.length) {
    errors.push(required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'))
  }
  return [
    ...errors,
    ...(rule.resourceRules ?? []).flatMap((each, i) => resourceRuleErrors(each, `${path}.resourceRules[${i}]`)),
    ...(rule.nonResourceRules ?? []).flatMap((each, i) =>
      nonResourceRuleErrors(each, `${path}.nonResourceRules[${i}]`),
    ),
  ]
}

/** Source: ValidateFlowSchemaSpec. */
function validate({ metadata, spec = {} }: FlowSchema): FieldError[] {
  const errors: FieldError[] = []
  const precedence = spec.matchingPrecedence ?? 0
  const path = 'spec.matchingPrecedence'
  if (precedence <= 0) errors.push(invalid(path, precedence, 'must be a positive value'))
  if (precedence > highestPrecedence)
    errors.push(invalid(path, precedence, `must not be greater than ${highestPrecedence}`))
  if (precedence === 1 && metadata?.name !== 'exempt') {
    errors.push(invalid(path, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"))
  }
  const method = spec.distinguisherMethod
  const methods = ['ByNamespace', 'ByUser']
  if (method && !methods.includes(method.type ?? ''))
    errors.push(notSupported('spec.distinguisherMethod.type', method, methods))
  const level = spec.priorityLevelConfiguration?.name
  const levelPath = 'spec.priorityLevelConfiguration.name'
  if (level) errors.push(...asInvalid(levelPath, level, dnsSubdomain(level, false)))
  else errors.push(required(levelPath, 'must reference a priority level'))
  return [
    ...errors,
    ...(spec.rules ?? []).flatMap((rule, i) => ruleErrors(rule, `spec.rules[${i}]`)),
    ...mustEqual(metadata?.name, spec, mandatorySchemas[metadata?.name ?? '']),
  ]
}

type Conditions = readonly { type?: string | undefined }[] | undefined

/** Conditions have a type, each its own. */
export const validateConditions = (conditions: Conditions): FieldError[] =>
  (conditions ?? []).flatMap(({ type }, i, all) => {
    const path = `status.conditions[${i}].type`
    const isSecond = all.findIndex((other) => other.type === type) < i
    return [...(isSecond ? [duplicate(path, type)] : []), ...(type ? [] : [required(path, 'must not be empty')])]
  })

const column = columnsOf<FlowSchema>('FlowSchema')

const define = kindsOf('flowcontrol.apiserver.k8s.io', 'v1')

export const flowSchema: KindDefinition<FlowSchema> = define<FlowSchema>({
  kind: 'FlowSchema',
  plural: 'flowschemas',
  namespaced: false,
  rules: {
    defaults(object) {
      const spec = (object.spec ??= {})
      spec.matchingPrecedence ||= defaultPrecedence
    },
    status: true,
    statusKeeps: 'metadata',
    desired,
    validate,
    validateStatus: ({ status: now }) => validateConditions(now?.conditions),
  },
  columns: [
    nameColumn,
    column('PriorityLevel', ({ spec }) => spec?.priorityLevelConfiguration?.name ?? ''),
    column('MatchingPrecedence', ({ spec }) => spec?.matchingPrecedence ?? 0),
    column('DistinguisherMethod', ({ spec }) => spec?.distinguisherMethod?.type ?? '<none>'),
    ageColumn,
    column('MissingPL', ({ status: now }) => now?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?'),
  ],
  subresources: [status('FlowSchema')],
})
