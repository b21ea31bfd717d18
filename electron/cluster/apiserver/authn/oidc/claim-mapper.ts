import type { FieldError } from '#shared/kube/status.ts'
import { compileTyped } from '../../../cel/admission/compile.ts'
import { Environment, type Expression } from '../../../cel/environment.ts'
import type { Expr } from '../../../cel/syntax/ast.ts'
import { bool, dyn, list, map, objectType, string, type CelType } from '../../../cel/types/types.ts'
import { fromJson, toJson } from '../../../cel/values/json.ts'
import type { CelValue } from '../../../cel/values/values.ts'
import type { UserInfo } from '../../registry/kind.ts'
import { invalid } from '../../registry/validation/field.ts'
import type { Claims } from '../jwt.ts'
import { TokenError } from '../tokens.ts'
import type { ClaimOrExpression, JwtAuthenticator } from './types.ts'

/** Whom verified claims speak of. Throws TokenError. */
export type ClaimMapper = (claims: Claims) => UserInfo

const texts = list(string)
const overClaims = new Environment({ variables: { claims: map(string, dyn) } })
const overUser = new Environment({
  variables: {
    user: objectType('kubernetes.UserInfo', {
      username: string,
      uid: string,
      groups: texts,
      extra: map(string, texts),
    }),
  },
})

/** Compiles what is said of an issuer's claims; notes what cannot be. Source: apiserver/pkg/authentication/cel, oidc.go. */
export function compileMapper(config: JwtAuthenticator, at: string, errors: FieldError[]): ClaimMapper {
  const all: Expression[] = []
  const compile = (environment: Environment, source: string, path: string, ...wanted: CelType[]) => {
    if (!source) return undefined
    const compiled = compileTyped(environment, source, wanted)
    if ('error' in compiled) {
      errors.push(invalid(path, source, compiled.error))
      return undefined
    }
    if (environment === overClaims) all.push(compiled)
    return compiled
  }
  const { username, groups, uid, extra } = config.claimMappings
  const mapping = ({ expression }: ClaimOrExpression, name: string) =>
    compile(overClaims, expression, `${at}.claimMappings.${name}.expression`)
  const nameExpression = mapping(username, 'username')
  const groupsExpression = mapping(groups, 'groups')
  const uidExpression = mapping(uid, 'uid')
  const extras = extra.map(({ key, valueExpression }, i) => ({
    key,
    expression: compile(overClaims, valueExpression, `${at}.claimMappings.extra[${i}].valueExpression`),
  }))
  const claimRules = config.claimValidationRules.map((rule, i) => ({
    ...rule,
    compiled: compile(overClaims, rule.expression, `${at}.claimValidationRules[${i}].expression`, bool),
  }))
  const userRules = config.userValidationRules.map((rule, i) => ({
    ...rule,
    compiled: compile(overUser, rule.expression, `${at}.userValidationRules[${i}].expression`, bool),
  }))
  if (nameExpression && uses(nameExpression, 'email') && !all.some((each) => uses(each, 'email_verified')))
    errors.push(
      invalid(
        `${at}.claimMappings.username.expression`,
        username.expression,
        'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression',
      ),
    )

  return (claims) => {
    const value = fromJson(claims)
    const evaluate = (expression: Expression, what: string): unknown => evaluated(expression, { claims: value }, what)
    for (const { claim, requiredValue, compiled, expression, message } of claimRules) {
      if (claim) checkRequired(claims, claim, requiredValue)
      else if (compiled && evaluate(compiled, 'claim validation expression') !== true)
        throw new TokenError(`oidc: ${message || `validation expression '${expression}' failed`}`)
    }
    const name = nameExpression
      ? textOf(evaluate(nameExpression, 'username claim expression'), 'username claim expression')
      : nameFromClaim(claims, username)
    if (nameExpression && !name) throw new TokenError('oidc: empty username via CEL expression is not allowed')
    const own = groupsExpression
      ? textsOf(evaluate(groupsExpression, 'group claim expression'), 'group claim expression')
      : groupsFromClaim(claims, groups)
    const id = uidExpression
      ? textOf(evaluate(uidExpression, 'uid claim expression'), 'uid claim expression')
      : uid.claim
        ? textClaim(claims, uid.claim, 'uid')
        : ''
    const more = extras.flatMap(({ key, expression }) => {
      const values = expression ? textsOf(evaluate(expression, 'extra claim expression'), 'extra claim expression') : []
      return values.length ? [[key, values] as const] : []
    })
    const user: UserInfo = {
      name,
      groups: own,
      ...(id ? { uid: id } : {}),
      ...(more.length ? { extra: Object.fromEntries(more) } : {}),
    }
    const shown = fromJson({ username: name, uid: id, groups: own, extra: Object.fromEntries(more) })
    for (const { compiled, expression, message } of userRules)
      if (compiled && evaluated(compiled, { user: shown }, 'user info validation rule') !== true)
        throw new TokenError(`oidc: ${message || `validation expression '${expression}' failed`}`)
    return user
  }
}

function evaluated(expression: Expression, variables: Readonly<Record<string, CelValue>>, what: string): unknown {
  try {
    return toJson(expression.evaluate(variables))
  } catch (error) {
    throw new TokenError(`oidc: error evaluating ${what}: ${(error as Error).message}`)
  }
}

/** Whether the expression reads that claim. */
function uses({ checked }: Expression, claim: string): boolean {
  const isClaims = (expr: Expr): boolean => expr.kind === 'ident' && expr.name === 'claims'
  const reads = (node: unknown): boolean => {
    if (typeof node !== 'object' || node === null) return false
    const expr = node as Expr
    if (expr.kind === 'select' && expr.field === claim && isClaims(expr.operand)) return true
    if (expr.kind === 'index' && isClaims(expr.operand) && expr.index.kind === 'literal' && expr.index.value === claim)
      return true
    return Object.values(node).some(reads)
  }
  return reads(checked.expr)
}

function nameFromClaim(claims: Claims, { claim, prefix = '' }: ClaimOrExpression): string {
  const name = textClaim(claims, claim, 'username')
  // An address that is said not to be checked could be anybody's.
  if (claim === 'email' && 'email_verified' in claims && claims['email_verified'] !== true)
    throw new TokenError(
      typeof claims['email_verified'] === 'boolean'
        ? 'oidc: email not verified'
        : "oidc: parse 'email_verified' claim: it is no boolean",
    )
  return prefix + name
}

function groupsFromClaim(claims: Claims, { claim, prefix = '' }: ClaimOrExpression): string[] {
  const given = claim ? claims[claim] : undefined
  if (given === undefined) return []
  // Some issuers have a single role, and say it as a string.
  if (typeof given !== 'string' && !isTexts(given))
    throw new TokenError(`oidc: parse groups claim "${claim}": it is neither a string nor a list of strings`)
  return (typeof given === 'string' ? [given] : given).map((group) => prefix + group)
}

function textClaim(claims: Claims, claim: string, what: string): string {
  const value = claims[claim]
  if (typeof value === 'string') return value
  const why = value === undefined ? 'claim not present' : 'it is no string'
  throw new TokenError(`oidc: parse ${what} claims "${claim}": ${why}`)
}

function checkRequired(claims: Claims, claim: string, wanted: string): void {
  const value = claims[claim]
  if (value === undefined) throw new TokenError(`oidc: required claim ${claim} not present in ID token`)
  if (typeof value !== 'string') throw new TokenError(`oidc: parse claim ${claim}: it is no string`)
  if (value !== wanted)
    throw new TokenError(`oidc: required claim ${claim} value does not match. Got = ${value}, want = ${wanted}`)
}

function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value
  throw new TokenError(`oidc: error evaluating ${what}: expression must return a string`)
}

/** A string, or a list of strings; nothing for null and for what is empty. */
function textsOf(value: unknown, what: string): string[] {
  if (value === null || value === '') return []
  if (typeof value === 'string') return [value]
  if (isTexts(value)) return value.filter(Boolean)
  throw new TokenError(`oidc: error evaluating ${what}: expression must return a string or a list of strings`)
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')
