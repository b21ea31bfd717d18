/**
 * What names, keys and values may look like. Each function returns what is wrong, worded as upstream words it
 * (apimachinery/pkg/util/validation); an empty list when nothing is.
 */

/** The ending that upstream's RegexError gives a message, double blanks included. */
export const regexError = (message: string, regex: string, ...examples: string[]): string =>
  `${message} (${examples.length ? `e.g. ${examples.map((e) => `'${e}', `).join(' or ')}` : ''}regex used for validation is '${regex}')`

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain = `${label}(\\.${label})*`
const dns1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const qualified = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const value = `(${qualified})?`

const labelRegex = new RegExp(`^${label}$`)
const subdomainRegex = new RegExp(`^${subdomain}$`)
const dns1035Regex = new RegExp(`^${dns1035}$`)
const qualifiedRegex = new RegExp(`^${qualified}$`)
const valueRegex = new RegExp(`^${value}$`)

const labelWrong = regexError(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  label,
  'my-name',
  '123-abc',
)
const subdomainWrong = regexError(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  subdomain,
  'example.com',
)
const dns1035Wrong = regexError(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  dns1035,
  'my-name',
  'abc-123',
)
const qualifiedMessage =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const qualifiedWrong = regexError(qualifiedMessage, qualified, 'MyName', 'my.name', '123-abc')
const valueWrong = regexError(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  value,
  'MyValue',
  'my_value',
  '12345',
)

/** At most 63 characters of `[a-z0-9-]`: names of namespaces, containers, volumes. */
export function dnsLabelErrors(name: string): string[] {
  return [
    ...(name.length > 63 ? ['must be no more than 63 characters'] : []),
    ...(labelRegex.test(name) ? [] : [labelWrong]),
  ]
}

/** Labels joined by dots, 253 characters in all: names of most objects. */
export function dnsSubdomainErrors(name: string): string[] {
  return [
    ...(name.length > 253 ? ['must be no more than 253 characters'] : []),
    ...(subdomainRegex.test(name) ? [] : [subdomainWrong]),
  ]
}

/** A label that starts with a letter: names of services. */
export function dns1035LabelErrors(name: string): string[] {
  return [
    ...(name.length > 63 ? ['must be no more than 63 characters'] : []),
    ...(dns1035Regex.test(name) ? [] : [dns1035Wrong]),
  ]
}

/** `[prefix/]name`: keys of labels and annotations, finalizers, taints, resource names. */
export function qualifiedNameErrors(key: string): string[] {
  const parts = key.split('/')
  if (parts.length > 2)
    return [
      `a qualified name ${qualifiedWrong} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  const name = parts.at(-1)!
  const errors: string[] = []
  if (parts.length === 2) {
    if (!parts[0]) errors.push('prefix part must be non-empty')
    else errors.push(...dnsSubdomainErrors(parts[0]).map((error) => `prefix part ${error}`))
  }
  if (!name) errors.push('name part must be non-empty')
  else if (name.length > 63) errors.push('name part must be no more than 63 bytes')
  if (!qualifiedRegex.test(name)) errors.push(`name part ${qualifiedWrong}`)
  return errors
}

/** Values of labels. */
export function labelValueErrors(text: string): string[] {
  return [
    ...(text.length > 63 ? ['must be no more than 63 bytes'] : []),
    ...(valueRegex.test(text) ? [] : [valueWrong]),
  ]
}
