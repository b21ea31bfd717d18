import type * as v1 from 'kubernetes-types/flowcontrol/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { status } from '../subresources.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { inclusiveRange } from '../validation/numbers.ts'
import { validateConditions } from './flow-schema.ts'
import { mandatoryLevels, mustEqual } from './mandatory.ts'

type Spec = Loose<v1.PriorityLevelConfigurationSpec>
type Limited = NonNullable<Spec['limited']>
type PriorityLevel = KubeObject & { spec?: Spec; status?: Loose<v1.PriorityLevelConfigurationStatus> }

const mostQueues = 10_000_000
const hashBits = 60

function setDefaults({ spec }: PriorityLevel): void {
  if (spec?.exempt) {
    spec.exempt.nominalConcurrencyShares ??= 0
    spec.exempt.lendablePercent ??= 0
  }
  if (!spec?.limited) return
  spec.limited.nominalConcurrencyShares ??= 30
  spec.limited.lendablePercent ??= 0
  const queuing = spec.limited.limitResponse?.queuing
  if (!queuing) return
  queuing.handSize ||= 8
  queuing.queues ||= 64
  queuing.queueLengthLimit ||= 50
}

function queuingErrors(
  { queues = 0, handSize = 0, queueLengthLimit = 0 }: NonNullable<NonNullable<Limited['limitResponse']>['queuing']>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = []
  const refuse = (field: string, value: number, text: string) => errors.push(invalid(`${path}.${field}`, value, text))
  if (queueLengthLimit <= 0) refuse('queueLengthLimit', queueLengthLimit, 'must be positive')
  if (queues <= 0) refuse('queues', queues, 'must be positive')
  else if (queues > mostQueues) refuse('queues', queues, `must not be greater than ${mostQueues}`)
  // Shuffle sharding deals hands from one 60-bit hash.
  if (handSize <= 0) refuse('handSize', handSize, 'must be positive')
  else if (handSize > queues) refuse('handSize', handSize, `should not be greater than queues (${queues})`)
  else if (Math.ceil(Math.log2(queues) * handSize) > hashBits) {
    refuse(
      'handSize',
      handSize,
      `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${hashBits}`,
    )
  }
  return errors
}

function responseErrors({ type = '', queuing }: NonNullable<Limited['limitResponse']>, path: string): FieldError[] {
  if (type === 'Reject') {
    return queuing ? [forbidden(`${path}.queuing`, 'must be nil if limited.limitResponse.type is not Limited')] : []
  }
  if (type !== 'Queue') return [notSupported(`${path}.type`, type, ['Queue', 'Reject'])]
  if (!queuing) return [required(`${path}.queuing`, 'must not be empty if limited.limitResponse.type is Limited')]
  return queuingErrors(queuing, `${path}.queuing`)
}

interface Shares {
  nominalConcurrencyShares?: number | undefined
  lendablePercent?: number | undefined
}

function sharesErrors(
  { nominalConcurrencyShares: shares = 0, lendablePercent: percent = 0 }: Shares,
  path: string,
): FieldError[] {
  return [
    ...(shares < 0 ? [invalid(`${path}.nominalConcurrencyShares`, shares, 'must be a non-negative integer')] : []),
    ...(percent < 0 || percent > 100 ? [invalid(`${path}.lendablePercent`, percent, inclusiveRange(0, 100))] : []),
  ]
}

function limitedErrors(limited: Limited): FieldError[] {
  const path = 'spec.limited'
  const borrowing = limited.borrowingLimitPercent
  return [
    ...sharesErrors(limited, path),
    ...responseErrors(limited.limitResponse ?? {}, `${path}.limitResponse`),
    ...(borrowing !== undefined && borrowing < 0
      ? [invalid(`${path}.borrowingLimitPercent`, borrowing, 'if specified, must be a non-negative integer')]
      : []),
  ]
}

/** Source: ValidatePriorityLevelConfigurationSpec. */
function validate({ metadata, spec = {} }: PriorityLevel): FieldError[] {
  const { type = '', limited, exempt } = spec
  const errors: FieldError[] = []
  if ((metadata?.name === 'exempt') !== (type === 'Exempt')) {
    errors.push(invalid('spec.type', type, "type must be 'Exempt' if and only if name is 'exempt'"))
  }
  if (type === 'Exempt') {
    if (limited) errors.push(forbidden('spec.limited', 'must be nil if the type is not Limited'))
    if (exempt) errors.push(...sharesErrors(exempt, 'spec.exempt'))
  } else if (type === 'Limited') {
    if (exempt) errors.push(forbidden('spec.exempt', 'must be nil if the type is Limited'))
    if (limited) errors.push(...limitedErrors(limited))
    else errors.push(required('spec.limited', 'must not be empty when type is Limited'))
  } else errors.push(notSupported('spec.type', type, ['Exempt', 'Limited']))
  return [...errors, ...mustEqual(metadata?.name, spec, mandatoryLevels[metadata?.name ?? '']?.(spec))]
}

const column = columnsOf<PriorityLevel>('PriorityLevelConfiguration')
const queuingOf = ({ spec }: PriorityLevel) => spec?.limited?.limitResponse?.queuing

const define = kindsOf('flowcontrol.apiserver.k8s.io', 'v1')

export const priorityLevelConfiguration: KindDefinition<PriorityLevel> = define<PriorityLevel>({
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  namespaced: false,
  rules: {
    defaults: setDefaults,
    status: true,
    statusKeeps: 'metadata',
    desired,
    validate,
    validateStatus: ({ status: now }) => validateConditions(now?.conditions),
  },
  columns: [
    nameColumn,
    column('Type', ({ spec }) => spec?.type ?? ''),
    column('NominalConcurrencyShares', ({ spec }) => spec?.limited?.nominalConcurrencyShares ?? '<none>'),
    column('Queues', (object) => queuingOf(object)?.queues ?? '<none>'),
    column('HandSize', (object) => queuingOf(object)?.handSize ?? '<none>'),
    column('QueueLengthLimit', (object) => queuingOf(object)?.queueLengthLimit ?? '<none>'),
    ageColumn,
  ],
  subresources: [status('PriorityLevelConfiguration')],
})
