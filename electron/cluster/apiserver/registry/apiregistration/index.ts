import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { timestamp } from '../../../base/clock.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { status } from '../subresources.ts'
import { asInvalid, invalid, notSupported, required } from '../validation/field.ts'
import { isDns1035Label, isDnsSubdomain, pathSegment } from '../validation/names.ts'
import { portNumber } from '../validation/numbers.ts'
import type { ApiServiceSpec } from './types.ts'

interface Condition {
  type?: string
  status?: string
  reason?: string
  message?: string
  lastTransitionTime?: string
}
type ApiService = KubeObject & { spec?: Loose<ApiServiceSpec>; status?: { conditions?: Condition[] } }

const httpsPort = 443
const highestGroupPriority = 20_000
const highestVersionPriority = 1000
const truths = ['True', 'False', 'Unknown']

/** Source: ValidateAPIService. */
function validate({ metadata, spec = {} }: ApiService): FieldError[] {
  const { group = '', version = '', service, caBundle, insecureSkipTLSVerify: isInsecure } = spec
  const errors: FieldError[] = []
  const name = metadata?.name ?? ''
  const expected = `${version}.${group}`
  if (name && !pathSegment(name, false).length && name !== expected) {
    errors.push(invalid('metadata.name', name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(expected)}`))
  }
  if (!group && version !== 'v1')
    errors.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'))
  if (group) errors.push(...asInvalid('spec.group', group, isDnsSubdomain(group)))
  errors.push(...asInvalid('spec.version', version, isDns1035Label(version)))
  const bounded = (field: 'groupPriorityMinimum' | 'versionPriority', most: number) => {
    const value = spec[field] ?? 0
    if (value <= 0 || value > most)
      errors.push(invalid(`spec.${field}`, value, `must be positive and less than ${most}`))
  }
  bounded('groupPriorityMinimum', highestGroupPriority)
  bounded('versionPriority', highestVersionPriority)
  if (!service) {
    const bytes = caBundle ? Buffer.from(caBundle, 'base64').length : 0
    if (bytes) errors.push(invalid('spec.caBundle', `${bytes} bytes`, 'local APIServices may not have a caBundle'))
    if (isInsecure)
      errors.push(invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'))
    return errors
  }
  if (!service.namespace) errors.push(required('spec.service.namespace'))
  if (!service.name) errors.push(required('spec.service.name'))
  const wrong = portNumber(service.port)
  if (wrong.length)
    errors.push(invalid('spec.service.port', service.port ?? 0, `port is not valid: ${wrong.join(',')}`))
  if (isInsecure && caBundle)
    errors.push(invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'))
  return errors
}

/** Source: ValidateAPIServiceStatus. */
const validateStatus = ({ status: now }: ApiService): FieldError[] =>
  (now?.conditions ?? []).flatMap((condition, i) =>
    truths.includes(condition.status ?? '')
      ? []
      : [notSupported(`status.conditions[${i}].status`, condition.status ?? '', truths)],
  )

function available({ status: now }: ApiService): string {
  const condition = now?.conditions?.find(({ type }) => type === 'Available')
  if (!condition) return 'Unknown'
  return condition.status === 'True' ? 'True' : `${condition.status ?? ''} (${condition.reason ?? ''})`
}

const column = columnsOf<ApiService>('APIService')

const define = kindsOf('apiregistration.k8s.io', 'v1')

const apiService: KindDefinition<ApiService> = define<ApiService>({
  kind: 'APIService',
  type: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService',
  plural: 'apiservices',
  storagePrefix: 'apiregistration.k8s.io/apiservices',
  namespaced: false,
  categories: ['api-extensions'],
  rules: {
    anyFinalizers: true,
    name: pathSegment,
    defaults({ spec }) {
      if (spec?.service) spec.service.port ??= httpsPort
    },
    status: true,
    statusKeeps: 'metadata',
    prepareForCreate(object, { clock }) {
      // What this server answers itself is there from the first moment.
      if (object.spec?.service) return
      const message = 'Local APIServices are always available'
      const lastTransitionTime = timestamp(clock.now())
      object.status = {
        conditions: [{ type: 'Available', status: 'True', reason: 'Local', message, lastTransitionTime }],
      }
    },
    validate,
    validateStatus,
    more: { requireResourceVersionOnUpdate: true },
  },
  columns: [
    nameColumn,
    column('Service', ({ spec }) =>
      spec?.service ? `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}` : 'Local',
    ),
    column('Available', available),
    ageColumn,
  ],
  subresources: [status('APIService')],
})

export const kinds: readonly KindDefinition[] = [apiService]
