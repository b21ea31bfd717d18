import type { KindDefinition } from '../kind.ts'
import { kindsOf } from '../define.ts'
import { selfSubjectReview } from './self-subject-review.ts'
import { tokenReview, type TokenVerifier } from './token-review.ts'

const define = kindsOf('authentication.k8s.io', 'v1')

export function authenticationKinds(tokens: TokenVerifier): readonly KindDefinition[] {
  return [
    define({
      kind: 'SelfSubjectReview',
      plural: 'selfsubjectreviews',
      namespaced: false,
      verbs: ['create'],
      virtual: selfSubjectReview,
    }),
    define({
      kind: 'TokenReview',
      plural: 'tokenreviews',
      namespaced: false,
      verbs: ['create'],
      virtual: tokenReview(tokens),
    }),
  ]
}
