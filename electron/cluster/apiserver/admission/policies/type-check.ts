import { admissionEnvironment } from '../../../cel/admission/environment.ts'
import { compose } from '../../../cel/admission/variables.ts'
import { CompileError } from '../../../cel/environment.ts'
import type { CelType } from '../../../cel/types/types.ts'
import type { NamedRule } from '../../registry/admissionregistration/rules.ts'
import type { GroupVersionKind } from '../dynamic/admitted.ts'
import type { Policy, ValidatingSpec } from './types.ts'

export interface ExpressionWarning {
  fieldRef: string
  warning: string
}

/** What is known of kinds. */
export interface TypeResolver {
  kindsOf(group: string, version: string, resource: string): GroupVersionKind | undefined
  /** Undefined: nothing is known of its fields. */
  typeOf(kind: GroupVersionKind): CelType | undefined
}

interface Typed {
  readonly kind: GroupVersionKind
  readonly type: CelType
}

const mostTypes = 10

/** Where expressions do not fit the kinds that the policy names. Source: validating/typechecking.go. */
export function typeCheck({ spec }: Policy<ValidatingSpec>, resolver: TypeResolver): ExpressionWarning[] {
  const types = typesOf(spec, resolver)
  const check = (expression: string | undefined, fieldRef: string): ExpressionWarning[] => {
    const texts = expression ? types.flatMap((typed) => issuesOf(spec, typed, expression, resolver) ?? []) : []
    return texts.length ? [{ fieldRef, warning: texts.join('\n') }] : []
  }
  return (spec.validations ?? []).flatMap(({ expression, messageExpression }, i) => [
    ...check(expression, `spec.validations[${i}].expression`),
    ...check(messageExpression, `spec.validations[${i}].messageExpression`),
  ])
}

function issuesOf(
  spec: ValidatingSpec,
  { kind, type }: Typed,
  expression: string,
  resolver: TypeResolver,
): string | undefined {
  const paramsType = spec.paramKind && paramsTypeOf(spec.paramKind, resolver)
  const environment = admissionEnvironment({
    params: paramsType !== undefined,
    authorizer: true,
    objectType: type,
    paramsType,
  })
  try {
    compose(environment, spec.variables ?? []).environment.compile(expression)
    return undefined
  } catch (error) {
    if (!(error instanceof CompileError)) throw error
    return `${kind.group}/${kind.version}, Kind=${kind.kind}: ${error.message}\n`
  }
}

function paramsTypeOf({ apiVersion, kind }: { apiVersion: string; kind: string }, resolver: TypeResolver) {
  const slash = apiVersion.indexOf('/')
  const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)]
  return resolver.typeOf({ group, version, kind })
}

function typesOf(spec: ValidatingSpec, resolver: TypeResolver): Typed[] {
  const kinds = new Map<string, GroupVersionKind>()
  for (const rule of spec.matchConstraints?.resourceRules ?? []) {
    for (const kind of kindsOf(rule, resolver)) kinds.set(`${kind.group}/${kind.version}/${kind.kind}`, kind)
  }
  return [...kinds]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, mostTypes)
    .flatMap(([, kind]) => {
      const type = resolver.typeOf(kind)
      return type ? [{ kind, type }] : []
    })
}

/** Rules with wildcards say too little; subresources have no type of their own here. */
function kindsOf(
  { apiGroups = [], apiVersions = [], resources = [] }: NamedRule,
  resolver: TypeResolver,
): GroupVersionKind[] {
  if ([...apiGroups, ...apiVersions].some((each) => each.includes('*'))) return []
  const plain = resources.filter((each) => !/[*/]/.test(each))
  return apiGroups.flatMap((group) =>
    apiVersions.flatMap((version) => plain.flatMap((resource) => resolver.kindsOf(group, version, resource) ?? [])),
  )
}
