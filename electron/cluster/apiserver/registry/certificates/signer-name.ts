import type { FieldError } from '#shared/kube/status.ts'
import { invalid, required, tooLong } from '../validation/field.ts'
import { isDnsSubdomain } from '../validation/names.ts'

const longestDomain = 253
const longestPath = 253 + 63 + 1

/** `example.com/signer-name`. Source: ValidateSignerName. */
export function signerProblems(name: string, path: string): FieldError[] {
  if (!name) return [required(path)]
  const [domain = '', rest, ...more] = name.split('/')
  if (rest === undefined || more.length) {
    return [invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")]
  }
  const errors: FieldError[] = []
  const wrong = domain.length > longestDomain ? [] : isDnsSubdomain(domain)
  if (domain.length > longestDomain) errors.push(tooLong(path, longestDomain))
  for (const text of wrong) errors.push(invalid(path, domain, `validating label ${JSON.stringify(domain)}: ${text}`))
  if (!wrong.length && domain.split('.').length < 2)
    errors.push(invalid(path, domain, 'should be a domain with at least two segments separated by dots'))
  const texts = rest ? isDnsSubdomain(rest) : []
  if (!rest) return [...errors, required(path, 'signer names must have a non-empty path')]
  for (const text of texts) errors.push(invalid(path, rest, `validating label ${JSON.stringify(rest)}: ${text}`))
  if (name.length > longestDomain + 1 + longestPath) errors.push(tooLong(path, longestDomain + 1 + longestPath))
  return errors
}
