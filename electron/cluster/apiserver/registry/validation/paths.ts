import type { FieldError } from '#shared/kube/status.ts'
import { invalid, required } from './field.ts'

/** No `..` among the parts: for paths on the host. */
export const withoutBacksteps = (path: string, field: string): FieldError[] =>
  path.split('/').includes('..') ? [invalid(field, path, "must not contain '..'")] : []

/** Relative, and never out of its directory. */
export const descendingPath = (path: string, field: string): FieldError[] => [
  ...(path.startsWith('/') ? [invalid(field, path, 'must be a relative path')] : []),
  ...withoutBacksteps(path, field),
]

/** A descending path that names something and does not start with two dots, which the kubelet keeps for itself. */
export function nonReservedPath(path: string | undefined, field: string): FieldError[] {
  const text = path ?? ''
  const errors = text === '' ? [required(field)] : []
  errors.push(...descendingPath(text, field))
  if (text.startsWith('..') && !text.startsWith('../')) errors.push(invalid(field, text, "must not start with '..'"))
  return errors
}
