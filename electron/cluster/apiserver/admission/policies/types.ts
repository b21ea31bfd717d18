import type { KubeObject, LabelSelector } from '#shared/kube/object.ts'
import type { MatchCondition, MatchResources } from '../../registry/admissionregistration/rules.ts'

/** Policies and bindings as they are stored: validated and defaulted. */
export interface PolicySpec {
  readonly failurePolicy?: 'Fail' | 'Ignore'
  readonly paramKind?: { readonly apiVersion: string; readonly kind: string }
  readonly matchConstraints?: MatchResources
  readonly matchConditions?: readonly MatchCondition[]
  readonly variables?: readonly { readonly name: string; readonly expression: string }[]
}

export interface Validation {
  readonly expression: string
  readonly message?: string
  readonly messageExpression?: string
  readonly reason?: string
}

export interface ValidatingSpec extends PolicySpec {
  readonly validations?: readonly Validation[]
  readonly auditAnnotations?: readonly { readonly key: string; readonly valueExpression: string }[]
}

export interface Mutation {
  readonly patchType: 'ApplyConfiguration' | 'JSONPatch'
  readonly applyConfiguration?: { readonly expression: string }
  readonly jsonPatch?: { readonly expression: string }
}

export interface MutatingSpec extends PolicySpec {
  readonly mutations?: readonly Mutation[]
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded'
}

export type Policy<Spec extends PolicySpec> = KubeObject & { readonly spec: Spec }

export interface ParamRef {
  readonly name?: string
  readonly namespace?: string
  readonly selector?: LabelSelector
  readonly parameterNotFoundAction?: 'Allow' | 'Deny'
}

export type Binding = KubeObject & {
  readonly spec: {
    readonly policyName: string
    readonly paramRef?: ParamRef
    readonly matchResources?: MatchResources
    readonly validationActions?: readonly ('Deny' | 'Warn' | 'Audit')[]
  }
}
