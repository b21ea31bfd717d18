import { X509Certificate } from 'node:crypto'
import { dnsSubdomainErrors } from '#shared/kube/names.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { duplicate, invalid, invalidUnshown, required, tooMany } from '../../registry/validation/field.ts'
import type { ClaimOrExpression, Issuer, JwtAuthenticator } from './types.ts'

const most = 64

/** What is wrong but for expressions. Source: apiserver/pkg/apis/apiserver/validation. */
export function validateAuthenticators(authenticators: readonly JwtAuthenticator[], ownIssuer: string): FieldError[] {
  if (authenticators.length > most) return [tooMany('jwt', authenticators.length, most)]
  const errors: FieldError[] = []
  const urls = new Set<string>()
  const discoveryUrls = new Set<string>()
  for (const [i, { issuer, claimMappings, claimValidationRules, userValidationRules }] of authenticators.entries()) {
    const at = `jwt[${i}]`
    errors.push(...validateIssuer(issuer, `${at}.issuer`))
    if (issuer.url === ownIssuer)
      errors.push(
        invalid(`${at}.issuer.url`, ownIssuer, `URL must not overlap with disallowed issuers: [${ownIssuer}]`),
      )
    if (issuer.url) errors.push(...once(urls, issuer.url, `${at}.issuer.url`))
    if (issuer.discoveryURL) errors.push(...once(discoveryUrls, issuer.discoveryURL, `${at}.issuer.discoveryURL`))
    const { username, groups, uid, extra } = claimMappings
    errors.push(...validateMapping(username, `${at}.claimMappings.username`, true))
    errors.push(...validateMapping(groups, `${at}.claimMappings.groups`, false))
    if (uid.claim && uid.expression)
      errors.push(invalid(`${at}.claimMappings.uid`, '', "claim and expression can't both be set"))
    errors.push(...validateExtra(extra, `${at}.claimMappings.extra`))
    errors.push(...validateClaimRules(claimValidationRules, `${at}.claimValidationRules`))
    const seen = new Set<string>()
    for (const [j, { expression }] of userValidationRules.entries()) {
      const path = `${at}.userValidationRules[${j}].expression`
      errors.push(...(expression ? once(seen, expression, path) : [required(path, 'expression is required')]))
    }
  }
  return errors
}

function once(seen: Set<string>, value: string, path: string): FieldError[] {
  if (seen.has(value)) return [duplicate(path, value)]
  seen.add(value)
  return []
}

function validateIssuer(issuer: Issuer, at: string): FieldError[] {
  const { url, discoveryURL, audiences, audienceMatchPolicy, certificateAuthority } = issuer
  const errors = url ? validateUrl(url, `${at}.url`) : [required(`${at}.url`, 'URL is required')]
  if (discoveryURL) {
    if (withoutSlash(url) === withoutSlash(discoveryURL))
      errors.push(invalid(`${at}.discoveryURL`, discoveryURL, 'discoveryURL must be different from URL'))
    errors.push(...validateUrl(discoveryURL, `${at}.discoveryURL`))
  }
  if (!audiences.length) errors.push(required(`${at}.audiences`, `at least one ${at}.audiences is required`))
  const seen = new Set<string>()
  for (const [i, audience] of audiences.entries()) {
    if (!audience) errors.push(required(`${at}.audiences[${i}]`, "audience can't be empty"))
    errors.push(...once(seen, audience, `${at}.audiences[${i}]`))
  }
  const policy = `${at}.audienceMatchPolicy`
  if (audiences.length > 1 && audienceMatchPolicy !== 'MatchAny')
    errors.push(invalid(policy, audienceMatchPolicy, 'audienceMatchPolicy must be MatchAny for multiple audiences'))
  if (audiences.length === 1 && audienceMatchPolicy && audienceMatchPolicy !== 'MatchAny')
    errors.push(
      invalid(policy, audienceMatchPolicy, 'audienceMatchPolicy must be empty or MatchAny for single audience'),
    )
  if (certificateAuthority && !isCertificate(certificateAuthority))
    errors.push(
      invalid(`${at}.certificateAuthority`, '<omitted>', 'data does not contain any valid RSA or ECDSA certificates'),
    )
  return errors
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '')

function isCertificate(pem: string): boolean {
  try {
    return Boolean(new X509Certificate(pem))
  } catch {
    return false
  }
}

function validateUrl(given: string, path: string): FieldError[] {
  if (!URL.canParse(given)) return [invalid(path, given, 'URL cannot be parsed')]
  const { protocol, username, password, search, hash } = new URL(given)
  const errors: FieldError[] = []
  if (protocol !== 'https:') errors.push(invalid(path, given, 'URL scheme must be https'))
  if (username || password) errors.push(invalid(path, given, 'URL must not contain a username or password'))
  if (search) errors.push(invalid(path, given, 'URL must not contain a query'))
  if (hash) errors.push(invalid(path, given, 'URL must not contain a fragment'))
  return errors
}

function validateMapping(
  { claim, prefix, expression }: ClaimOrExpression,
  at: string,
  isNeeded: boolean,
): FieldError[] {
  if (claim && expression) return [invalid(at, '', "claim and expression can't both be set")]
  if (expression)
    return prefix === undefined ? [] : [invalid(`${at}.prefix`, prefix, "prefix can't be set when expression is set")]
  if (!claim) {
    if (isNeeded) return [required(at, 'claim or expression is required')]
    return prefix === undefined ? [] : [invalid(at, prefix, 'non-empty claim name is required when prefix is set')]
  }
  const why = 'prefix is required when claim is set. It can be set to an empty string to disable prefixing'
  return prefix === undefined ? [required(`${at}.prefix`, why)] : []
}

const reserved = /(^|\.)(kubernetes|k8s)\.io$/

function validateExtra(extra: JwtAuthenticator['claimMappings']['extra'], at: string): FieldError[] {
  const seen = new Set<string>()
  return extra.flatMap(({ key, valueExpression }, i) => {
    const path = `${at}[${i}].key`
    const [domain = '', ...rest] = key.split('/')
    const errors: FieldError[] = []
    if (!key) errors.push(required(path))
    else if (!rest.join('/') || dnsSubdomainErrors(domain).length)
      errors.push(invalid(path, key, 'must be a domain-prefixed path (such as "acme.io/foo")'))
    if (key !== key.toLowerCase()) errors.push(invalid(path, key, 'key must be lowercase'))
    if (reserved.test(domain))
      errors.push(invalid(path, key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use'))
    errors.push(...once(seen, key, path))
    if (!valueExpression) errors.push(required(`${at}[${i}].valueExpression`, 'valueExpression is required'))
    return errors
  })
}

function validateClaimRules(rules: JwtAuthenticator['claimValidationRules'], at: string): FieldError[] {
  const claims = new Set<string>()
  const expressions = new Set<string>()
  return rules.flatMap(({ claim, requiredValue, expression, message }, i) => {
    const path = `${at}[${i}]`
    if (claim && expression) return [invalid(path, claim, "claim and expression can't both be set")]
    if (claim) {
      const errors = message ? [invalid(`${path}.message`, message, "message can't be set when claim is set")] : []
      return [...errors, ...once(claims, claim, `${path}.claim`)]
    }
    if (!expression) return [required(path, 'claim or expression is required')]
    if (requiredValue)
      return [invalidUnshown(`${path}.requiredValue`, "requiredValue can't be set when expression is set")]
    return once(expressions, expression, `${path}.expression`)
  })
}
