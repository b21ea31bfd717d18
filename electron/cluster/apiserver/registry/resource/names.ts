import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, duplicate, invalid, required, tooLong, tooMany } from '../validation/field.ts'
import { isCIdentifier, isDnsSubdomain } from '../validation/names.ts'

const longestId = 32
const longestDriver = 63
const longestPool = 253

/** As of CSI drivers. Source: ValidateCSIDriverName. */
export function validateDriver(driver: string | undefined, path: string): FieldError[] {
  if (!driver) return [required(path)]
  return [
    ...(driver.length > longestDriver ? [tooLong(path, longestDriver)] : []),
    ...asInvalid(path, driver, isDnsSubdomain(driver.toLowerCase())),
  ]
}

/** Subdomains between slashes. Source: validatePoolName. */
export function validatePoolName(name: string, path: string): FieldError[] {
  if (!name) return [required(path)]
  return [
    ...(name.length > longestPool ? [tooLong(path, longestPool)] : []),
    ...name.split('/').flatMap((part) => asInvalid(path, part, isDnsSubdomain(part))),
  ]
}

const validateId = (id: string, path: string): FieldError[] => [
  ...(id.length > longestId ? [tooLong(path, longestId)] : []),
  ...asInvalid(path, id, isCIdentifier(id)),
]

/** `id`, or `domain/id`. Source: validateQualifiedName. */
export function validateQualifiedName(name: string, path: string): FieldError[] {
  const [domain = '', id, ...more] = name.split('/')
  if (id === undefined) return validateId(domain, path)
  if (more.length) return [invalid(path, name, 'must not contain more than one slash')]
  return [
    ...(domain ? validateDriver(domain, path) : [invalid(path, '', 'the domain must not be empty')]),
    ...(id ? validateId(id, path) : [invalid(path, '', 'the name must not be empty')]),
  ]
}

/** Source: validateFullyQualifiedName. */
export const validateFullName = (name: string, path: string): FieldError[] => [
  ...validateQualifiedName(name, path),
  ...(name.includes('/')
    ? []
    : [invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash')]),
]

/** A list that is too long is looked at no further. Source: validateSlice. */
export function validateList<T>(
  list: readonly T[] | null | undefined,
  most: number,
  check: (item: T, path: string) => FieldError[],
  path: string,
): FieldError[] {
  const items = list ?? []
  if (items.length > most) return [tooMany(path, items.length, most)]
  return items.flatMap((item, i) => check(item, `${path}[${i}]`))
}

/** A list without duplicates. Source: validateSet. */
export function validateSet<T>(
  list: readonly T[] | null | undefined,
  most: number,
  check: (item: T, path: string) => FieldError[],
  keyOf: (item: T) => string,
  path: string,
): FieldError[] {
  const items = list ?? []
  const errors = validateList(items, most, check, path)
  if (items.length > most) return errors
  const seen = new Set<string>()
  for (const [i, item] of items.entries()) {
    const key = keyOf(item)
    if (seen.has(key)) errors.push(duplicate(`${path}[${i}]`, key))
    seen.add(key)
  }
  return errors
}
