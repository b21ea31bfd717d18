import {
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  labelValueErrors,
  qualifiedNameErrors,
  regexError,
} from '#shared/kube/names.ts'

/**
 * Rules for names, worded as apimachinery/pkg/util/validation words them; an empty list is good. The common ones live
 * in shared/kube/names.ts. `prefix` is true for generateName, where the end may still be incomplete.
 */
export type NameRule = (name: string, prefix: boolean) => string[]

export const isDnsSubdomain = dnsSubdomainErrors
export const isDns1035Label = dns1035LabelErrors
export const isQualifiedName = qualifiedNameErrors
export const isLabelValue = labelValueErrors

const atMost = (value: string, characters: number): string[] =>
  value.length > characters ? [`must be no more than ${characters} characters`] : []

export function isDnsLabel(value: string): string[] {
  const errors = dnsLabelErrors(value)
  const tooLong = value.length > 63
  // A subdomain that is no label has dots and is otherwise fine.
  if (errors.length > (tooLong ? 1 : 0) && value.length <= 253 && dnsSubdomainErrors(value).length === 0) {
    return [...errors.slice(0, tooLong ? 1 : 0), 'must not contain dots']
  }
  return errors
}

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain = `${label}(\\.${label})*`

const rule = (regex: string, message: string, ...examples: string[]) => {
  const pattern = new RegExp(`^${regex}$`)
  const wrong = regexError(message, regex, ...examples)
  return (value: string): string[] => (pattern.test(value) ? [] : [wrong])
}

const wildcard = rule(
  `\\*\\.${subdomain}`,
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  '*.example.com',
)
export const isWildcardSubdomain = (value: string): string[] => [...atMost(value, 253), ...wildcard(value)]

const underscoredLabel = '[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?'
const underscored = rule(
  `${underscoredLabel}(\\.${underscoredLabel})*`,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric or underscore character",
  'example.com',
)
export const isUnderscoredSubdomain = (value: string): string[] => [...atMost(value, 253), ...underscored(value)]

export const isCIdentifier = rule(
  '[A-Za-z_][A-Za-z0-9_]*',
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
  'my_name',
  'MY_NAME',
  'MyName',
)

/** Since v1.34 any printable ASCII but `=` may name an environment variable. */
export function isEnvVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty']
  return /^[ -<>-~]+$/.test(value)
    ? []
    : [
        regexError(
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
          '^[ -<>-~]+$',
        ),
      ]
}

const configMapKey = rule(
  '[-._a-zA-Z0-9]+',
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  'key.name',
  'KEY_NAME',
  'key-name',
)
export function isConfigMapKey(value: string): string[] {
  const errors = [...atMost(value, 253), ...configMapKey(value)]
  if (value === '.' || value === '..') errors.push(`must not be '${value}'`)
  else if (value.startsWith('..')) errors.push("must not start with '..'")
  return errors
}

export const isHttpHeaderName = rule(
  '[-A-Za-z0-9]+',
  "a valid HTTP header must consist of alphanumeric characters or '-'",
  'X-Header-Name',
)

export const isPercent = rule(
  '[0-9]+%',
  "a valid percent string must be a numeric string followed by an ending '%'",
  '1%',
  '93%',
)

/** An IANA service name, as ports are called. */
export function isPortName(value: string): string[] {
  const errors: string[] = []
  if (value.length > 15) errors.push('must be no more than 15 characters')
  if (!/^[-a-z0-9]+$/.test(value)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)')
  if (value.includes('--')) errors.push('must not contain consecutive hyphens')
  if (value.startsWith('-') || value.endsWith('-')) errors.push('must not begin or end with a hyphen')
  return errors
}

/** What a segment of a URL's path cannot carry. */
export const pathSegment: NameRule = (name, prefix) => {
  if (!prefix && (name === '.' || name === '..')) return [`may not be '${name}'`]
  return ['/', '%'].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`)
}

/** For generateName: a trailing dash is completed by the suffix. */
const mask = (name: string, prefix: boolean): string =>
  prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name

export const dnsSubdomain: NameRule = (name, prefix) => isDnsSubdomain(mask(name, prefix))
export const dnsLabel: NameRule = (name, prefix) => isDnsLabel(mask(name, prefix))
export const dns1035Label: NameRule = (name, prefix) => isDns1035Label(mask(name, prefix))
