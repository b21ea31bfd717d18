import type { FieldError } from '#shared/kube/status.ts'
import { invalid, required } from '../validation/field.ts'
import type { Condition } from './types.ts'

/** Groups of the Kubernetes project, whose definitions must say that they were reviewed. */
export const isProtectedGroup = (group: string): boolean =>
  group === 'k8s.io' || group.endsWith('.k8s.io') || group === 'kubernetes.io' || group.endsWith('.kubernetes.io')

const annotation = 'api-approved.kubernetes.io'
const see = 'see https://github.com/kubernetes/enhancements/pull/1111'

/** Source: apiextensions-apiserver/pkg/apihelpers (GetAPIApprovalState). */
function approvalState(annotations: Readonly<Record<string, string>> = {}): Omit<Condition, 'type'> {
  const value = annotations[annotation] ?? ''
  if (!value)
    return {
      status: 'False',
      reason: 'MissingAnnotation',
      message: `protected groups must have approval annotation ${JSON.stringify(annotation)}, ${see}`,
    }
  if (value.startsWith('unapproved'))
    return { status: 'False', reason: 'UnapprovedAnnotation', message: `not approved: ${JSON.stringify(value)}` }
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]+/i.test(value) && URL.canParse(value))
    return { status: 'True', reason: 'ApprovedAnnotation', message: `approved in ${value}` }
  return {
    status: 'False',
    reason: 'InvalidAnnotation',
    message: `protected groups must have approval annotation ${JSON.stringify(annotation)} with either a URL or a reason starting with "unapproved", ${see}`,
  }
}

export const approval = (annotations: Readonly<Record<string, string>> | undefined): Condition => ({
  type: 'KubernetesAPIApprovalPolicyConformant',
  ...approvalState(annotations),
})

/** An approval that was missing before may go on missing. Source: validateAPIApproval. */
export function validateApproval(
  group: string,
  annotations: Readonly<Record<string, string>> | undefined,
  old: { annotations: Readonly<Record<string, string>> | undefined } | undefined,
): FieldError[] {
  if (!isProtectedGroup(group)) return []
  const { reason, message = '' } = approvalState(annotations)
  if (old && approvalState(old.annotations).reason === reason) return []
  const path = `metadata.annotations[${annotation}]`
  if (reason === 'MissingAnnotation') return [required(path, message)]
  return reason === 'InvalidAnnotation' ? [invalid(path, annotations?.[annotation] ?? '', message)] : []
}
