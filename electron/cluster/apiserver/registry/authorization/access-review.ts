import type { KubeObject } from '#shared/kube/object.ts'
import { invalid, type FieldError } from '#shared/kube/status.ts'
import type { AccessAttributes, UserInfo, VirtualResource } from '../kind.ts'
import { selectorProblems, selectorsOf, type SelectorAttributes } from './review-selectors.ts'
import { invalid as invalidField } from '../validation/field.ts'

export type AccessQuestion = (user: UserInfo, attributes: AccessAttributes) => { allowed: boolean; reason: string }

interface ReviewSpec {
  user?: string
  groups?: string[]
  uid?: string
  extra?: Record<string, string[]>
  resourceAttributes?: Partial<
    Record<'namespace' | 'verb' | 'group' | 'version' | 'resource' | 'subresource' | 'name', string>
  > & { fieldSelector?: SelectorAttributes; labelSelector?: SelectorAttributes }
  nonResourceAttributes?: { path?: string; verb?: string }
}

const specOf = (input: KubeObject): ReviewSpec => (input as { spec?: ReviewSpec }).spec ?? {}

export const selfAccessReview = (decide: AccessQuestion): VirtualResource => ({
  create: async (input, { user }) =>
    answer('SelfSubjectAccessReview', input, decide, user, checkMetadata(input, 'must be empty')),
})

export const accessReview = (decide: AccessQuestion): VirtualResource => ({
  create: async (input) => {
    const wrong = [...checkSubject(specOf(input)), ...checkMetadata(input, 'must be empty')]
    return answer('SubjectAccessReview', input, decide, subjectOf(specOf(input)), wrong)
  },
})

export const localAccessReview = (decide: AccessQuestion): VirtualResource => ({
  async create(input, { namespace = '' }) {
    const spec = specOf(input)
    const wrong = [...checkSubject(spec), ...checkLocal(input, namespace)]
    return answer('LocalSubjectAccessReview', input, decide, subjectOf(spec), wrong)
  },
})

/** What is asked lies in the namespace of the question. */
function checkLocal(input: KubeObject, namespace: string): FieldError[] {
  const { resourceAttributes: resource, nonResourceAttributes: path } = specOf(input)
  const [asked, field] = [resource?.namespace ?? '', 'spec.resourceAttributes.namespace']
  return [
    ...checkMetadata(input, 'must be empty except for namespace', ['namespace']),
    ...(resource && asked !== namespace ? [invalidField(field, asked, 'must match metadata.namespace')] : []),
    ...(path ? [invalidField('spec.nonResourceAttributes', path, 'disallowed on this kind of request')] : []),
  ]
}

/** A question has no name, nor anything else that objects have. */
function checkMetadata({ metadata = {} }: KubeObject, text: string, allowed: readonly string[] = []): FieldError[] {
  const said = Object.entries(metadata).filter(
    ([field, value]) =>
      ![...allowed, 'managedFields'].includes(field) &&
      value !== undefined &&
      value !== null &&
      value !== '' &&
      !(typeof value === 'object' && Object.keys(value).length === 0),
  )
  return said.length ? [invalidField('metadata', metadata, text)] : []
}

/** Source: pkg/apis/authorization/validation. */
function answer(
  kind: string,
  input: KubeObject,
  decide: AccessQuestion,
  user: UserInfo,
  errors: readonly FieldError[],
): KubeObject {
  const spec = specOf(input)
  const wrong = [...checkAttributes(spec), ...errors]
  if (wrong.length) throw invalid({ group: 'authorization.k8s.io', kind }, '', wrong)
  const { allowed, reason } = decide(user, attributesOf(spec))
  return { ...input, status: { allowed, ...(reason ? { reason } : {}) } } as KubeObject
}

const subjectOf = ({ user = '', uid, groups = [], extra }: ReviewSpec): UserInfo => ({
  name: user,
  groups,
  ...(uid ? { uid } : {}),
  ...(extra ? { extra } : {}),
})

function attributesOf({ resourceAttributes: resource, nonResourceAttributes: path }: ReviewSpec): AccessAttributes {
  return {
    verb: resource?.verb ?? path?.verb ?? '',
    isResource: resource !== undefined,
    group: resource?.group ?? '',
    version: resource?.version ?? '',
    resource: resource?.resource ?? '',
    subresource: resource?.subresource ?? '',
    namespace: resource?.namespace ?? '',
    name: resource?.name ?? '',
    path: path?.path ?? '',
    ...selectorsOf(resource),
  }
}

function checkAttributes({ resourceAttributes, nonResourceAttributes }: ReviewSpec): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    return [
      invalidField(
        'spec.nonResourceAttributes',
        nonResourceAttributes,
        'cannot be specified in combination with resourceAttributes',
      ),
    ]
  }
  if (resourceAttributes) return selectorProblems(resourceAttributes, 'spec.resourceAttributes')
  if (nonResourceAttributes) return []
  return [
    invalidField(
      'spec.resourceAttributes',
      null,
      'exactly one of nonResourceAttributes or resourceAttributes must be specified',
    ),
  ]
}

const checkSubject = ({ user, groups }: ReviewSpec): FieldError[] =>
  user || groups?.length ? [] : [invalidField('spec.user', '', 'at least one of user or group must be specified')]
