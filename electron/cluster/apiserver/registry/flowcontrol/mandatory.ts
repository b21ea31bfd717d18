import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../equal.ts'
import { invalid } from '../validation/field.ts'

/** What upstream's server makes itself and nobody may change. Source: apiserver/pkg/apis/flowcontrol/bootstrap. */
const everything = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
}
const groups = (...names: string[]) => names.map((name) => ({ kind: 'Group', group: { name } }))

export const mandatorySchemas: Readonly<Record<string, object>> = {
  exempt: {
    priorityLevelConfiguration: { name: 'exempt' },
    matchingPrecedence: 1,
    rules: [{ subjects: groups('system:masters'), ...everything }],
  },
  'catch-all': {
    priorityLevelConfiguration: { name: 'catch-all' },
    matchingPrecedence: 10_000,
    distinguisherMethod: { type: 'ByUser' },
    rules: [{ subjects: groups('system:unauthenticated', 'system:authenticated'), ...everything }],
  },
}

/** Of the exempt level, what it is exempt from may be changed. */
export const mandatoryLevels: Readonly<Record<string, (spec: { exempt?: unknown }) => object>> = {
  exempt: ({ exempt }) => ({ type: 'Exempt', exempt }),
  'catch-all': () => ({
    type: 'Limited',
    limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
  }),
}

export const mustEqual = (name: string | undefined, spec: object, fixed: object | undefined): FieldError[] =>
  !fixed || semanticEqual(spec, fixed) ? [] : [invalid('spec', spec, `spec of '${name}' must equal the fixed value`)]
