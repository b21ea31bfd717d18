import type { FieldError } from '#shared/kube/status.ts'
import { invalid } from './field.ts'

const standard = ['kubernetes', 'orphan', 'foregroundDeletion']

/** Besides upstream's own names, only those of somebody's domain are good. Source: validateKubeFinalizerName. */
export const validateFinalizerName = (name: string, field: string): FieldError[] =>
  name.includes('/') || standard.includes(name)
    ? []
    : [invalid(field, name, 'name is neither a standard finalizer name nor is it fully qualified')]
