import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { accessReview, localAccessReview, selfAccessReview, type AccessQuestion } from './access-review.ts'
import { rulesReview, type RulesQuestion } from './rules-review.ts'

const define = kindsOf('authorization.k8s.io', 'v1')

export interface AuthorizationAnswers {
  decide: AccessQuestion
  rules: RulesQuestion
}

export function authorizationKinds({ decide, rules }: AuthorizationAnswers): readonly KindDefinition[] {
  const review = (kind: string, virtual: KindDefinition['virtual'], namespaced = false) =>
    define({ kind, plural: `${kind.toLowerCase()}s`, namespaced, verbs: ['create'], ...(virtual ? { virtual } : {}) })
  return [
    review('LocalSubjectAccessReview', localAccessReview(decide), true),
    review('SelfSubjectAccessReview', selfAccessReview(decide)),
    review('SelfSubjectRulesReview', rulesReview(rules)),
    review('SubjectAccessReview', accessReview(decide)),
  ]
}
