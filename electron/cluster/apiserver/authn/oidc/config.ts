import { StatusError, type FieldError } from '#shared/kube/status.ts'
import { yamlToJson } from '../../handlers/yaml.ts'
import { notSupported } from '../../registry/validation/field.ts'
import { compileMapper, type ClaimMapper } from './claim-mapper.ts'
import { validateAuthenticators } from './config-validation.ts'
import type { ClaimOrExpression, Issuer, JwtAuthenticator } from './types.ts'
import { flag, items, objects, record, text, texts, unknownFields, type Raw } from './config-fields.ts'

/** Whether somebody who shows nothing may ask for a path. */
export type AnonymousPolicy = (path: string) => boolean

export interface AuthenticationConfig {
  readonly issuers: readonly { readonly issuer: Issuer; readonly mapper: ClaimMapper }[]
  readonly anonymous: AnonymousPolicy
}

export class AuthenticationConfigError extends Error {}

const versions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`)

/**
 * Reads an AuthenticationConfiguration in YAML or JSON. Throws AuthenticationConfigError, which names every wrong field.
 * `ownIssuer` signs the cluster's own tokens: nobody else may.
 */
export function readAuthenticationConfig(written: string, ownIssuer: string): AuthenticationConfig {
  const file = parsed(written)
  const errors: FieldError[] = []
  if (!versions.includes(String(file['apiVersion'])))
    errors.push(notSupported('apiVersion', file['apiVersion'], versions))
  if (file['kind'] !== 'AuthenticationConfiguration')
    errors.push(notSupported('kind', file['kind'], ['AuthenticationConfiguration']))
  errors.push(...unknownFields(file, '', ['apiVersion', 'kind', 'jwt', 'anonymous']))
  const authenticators = objects(file, '', 'jwt', errors).map((raw, i) => authenticatorOf(raw, `jwt[${i}]`, errors))
  const anonymous = anonymousOf(file, errors)
  errors.push(...validateAuthenticators(authenticators, ownIssuer))
  const issuers = authenticators.map((each, i) => ({
    issuer: each.issuer,
    mapper: compileMapper(each, `jwt[${i}]`, errors),
  }))
  if (errors.length)
    throw new AuthenticationConfigError(errors.map(({ field, message }) => `${field}: ${message}`).join('; '))
  return { issuers, anonymous }
}

function parsed(written: string): Raw {
  let value: unknown
  try {
    value = JSON.parse(yamlToJson(Buffer.from(written)))
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    throw new AuthenticationConfigError(error.message)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Raw
  throw new AuthenticationConfigError('it holds no AuthenticationConfiguration')
}

function authenticatorOf(raw: Raw, at: string, errors: FieldError[]): JwtAuthenticator {
  errors.push(...unknownFields(raw, at, ['issuer', 'claimValidationRules', 'claimMappings', 'userValidationRules']))
  const issuer = record(raw, at, 'issuer', errors)
  const issuerFields = ['url', 'discoveryURL', 'certificateAuthority', 'audiences', 'audienceMatchPolicy']
  errors.push(...unknownFields(issuer, `${at}.issuer`, issuerFields))
  const mappings = record(raw, at, 'claimMappings', errors)
  errors.push(...unknownFields(mappings, `${at}.claimMappings`, ['username', 'groups', 'uid', 'extra']))
  const mapping = (name: string, known: readonly string[]): ClaimOrExpression => {
    const path = `${at}.claimMappings`
    const given = record(mappings, path, name, errors)
    errors.push(...unknownFields(given, `${path}.${name}`, known))
    const read = (field: string) => text(given, `${path}.${name}`, field, errors)
    return {
      claim: read('claim'),
      expression: read('expression'),
      prefix: 'prefix' in given ? read('prefix') : undefined,
    }
  }
  return {
    issuer: {
      url: text(issuer, `${at}.issuer`, 'url', errors),
      discoveryURL: text(issuer, `${at}.issuer`, 'discoveryURL', errors),
      certificateAuthority: text(issuer, `${at}.issuer`, 'certificateAuthority', errors),
      audienceMatchPolicy: text(issuer, `${at}.issuer`, 'audienceMatchPolicy', errors),
      audiences: texts(issuer, `${at}.issuer`, 'audiences', errors),
    },
    claimValidationRules: items(
      raw,
      at,
      'claimValidationRules',
      ['claim', 'requiredValue', 'expression', 'message'],
      errors,
    ),
    claimMappings: {
      username: mapping('username', ['claim', 'prefix', 'expression']),
      groups: mapping('groups', ['claim', 'prefix', 'expression']),
      uid: mapping('uid', ['claim', 'expression']),
      extra: items(mappings, `${at}.claimMappings`, 'extra', ['key', 'valueExpression'], errors),
    },
    userValidationRules: items(raw, at, 'userValidationRules', ['expression', 'message'], errors),
  }
}

function anonymousOf(file: Raw, errors: FieldError[]): AnonymousPolicy {
  if (file['anonymous'] === undefined || file['anonymous'] === null) return () => true
  const given = record(file, '', 'anonymous', errors)
  errors.push(...unknownFields(given, 'anonymous', ['enabled', 'conditions']))
  const isEnabled = flag(given, 'anonymous', 'enabled', errors)
  const paths = items(given, 'anonymous', 'conditions', ['path'], errors).map(({ path }) => path)
  if (!isEnabled && paths.length)
    errors.push({
      type: 'FieldValueInvalid',
      field: 'anonymous.conditions',
      message: 'Invalid value: enabled should be set to true when conditions are defined',
    })
  return (path) => isEnabled && (!paths.length || paths.includes(path))
}
