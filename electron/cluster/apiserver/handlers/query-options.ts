import type { KubeObject } from '#shared/kube/object.ts'
import { parseFieldSelector } from '#shared/kube/field-selectors.ts'
import { parseSelector, SelectorError } from '#shared/kube/selectors.ts'
import { badRequest, invalid, type FieldError } from '#shared/kube/status.ts'
import { isTrue } from '../filters/request-info.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { validateFieldManager } from '../metadata/validate.ts'
import { forbidden, invalid as invalidField, notSupported, required } from '../registry/validation/field.ts'
import type { ListRequest } from '../storage/list.ts'
import { propagationPolicies, type DeleteRequest } from './delete.ts'

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

export interface WriteOptions {
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions'
  dryRun: boolean
  fieldManager: string
  fieldValidation: FieldValidation
  force: boolean
}

const optionsError = (kind: string, errors: readonly FieldError[]) =>
  invalid({ group: 'meta.k8s.io', kind }, '', errors)

/** Source: apimachinery/pkg/apis/meta/v1/validation. */
export function writeOptions(
  query: URLSearchParams,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  apply = false,
): WriteOptions {
  const errors = validateDryRun(query)
  const fieldManager = query.get('fieldManager') ?? ''
  const force = query.has('force') && isTrue(query.get('force'))
  if (kind === 'PatchOptions') {
    if (apply && !fieldManager) errors.push(required('fieldManager', 'is required for apply patch'))
    if (!apply && query.has('force')) errors.push(forbidden('force', 'may not be specified for non-apply patch'))
  }
  errors.push(...validateFieldManager(fieldManager, 'fieldManager'))
  const fieldValidation = query.get('fieldValidation') ?? ''
  if (!['', 'Ignore', 'Strict', 'Warn'].includes(fieldValidation)) {
    errors.push(notSupported('fieldValidation', fieldValidation, ['', 'Ignore', 'Strict', 'Warn']))
  }
  if (errors.length) throw optionsError(kind, errors)
  return {
    kind,
    dryRun: query.has('dryRun'),
    fieldManager,
    fieldValidation: (fieldValidation || 'Warn') as FieldValidation,
    force,
  }
}

function validateDryRun(query: URLSearchParams): FieldError[] {
  const asked = query.getAll('dryRun')
  return asked.every((value) => value === 'All') ? [] : [notSupported('dryRun', asked, ['All'])]
}

export interface WatchQuery {
  allowBookmarks: boolean
  sendInitialEvents: boolean | undefined
  timeoutSeconds: number | undefined
}

/** Source: apimachinery/pkg/apis/meta/internalversion/validation. */
export function listOptions(
  query: URLSearchParams,
  kind: ServedKind,
  namespace: string | undefined,
  watch: boolean,
): ListRequest & WatchQuery {
  const errors = watch ? validateWatch(query) : validateList(query)
  if (errors.length) throw optionsError('ListOptions', errors)
  const selection = parseSelection(query, kind)
  const resourceVersion = query.get('resourceVersion') ?? ''
  const revision = parseResourceVersion(resourceVersion)
  const limit = Math.max(0, integer(query, 'limit') ?? 0)
  const match = query.get('resourceVersionMatch') ?? ''
  const timeoutSeconds = integer(query, 'timeoutSeconds')
  const token = query.get('continue') ?? ''
  if (!watch && token && revision) throw badRequest('specifying resource version is not allowed when using continue')
  return {
    namespace,
    ...selection,
    limit,
    continue: token,
    revision,
    // A page of an old state is a page of exactly that state, or the next page could not follow it.
    exact: match === 'Exact' || (match === '' && limit > 0 && !!revision),
    allowBookmarks: query.has('allowWatchBookmarks') && isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined,
    timeoutSeconds,
  }
}

export function parseSelection(query: URLSearchParams, kind: ServedKind): Pick<ListRequest, 'labels' | 'fields'> {
  try {
    const labels = parseSelector(query.get('labelSelector') ?? undefined)
    const fields = parseFieldSelector(query.get('fieldSelector') ?? undefined)
    kind.checkFields(fields)
    return { labels, fields }
  } catch (error) {
    throw error instanceof SelectorError ? badRequest(error.message) : error
  }
}

/** Undefined: none was given. */
export function parseResourceVersion(text: string): number | undefined {
  if (text === '') return undefined
  const revision = /^\d{1,15}$/.test(text) ? Number(text) : NaN
  if (Number.isNaN(revision)) {
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  }
  return revision
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^[-+]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

const field = 'resourceVersionMatch'

function validateList(query: URLSearchParams): FieldError[] {
  const match = query.get(field) ?? ''
  const errors: FieldError[] = []
  if (match) {
    if (!query.get('resourceVersion'))
      errors.push(forbidden(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'))
    if (query.get('continue'))
      errors.push(forbidden(field, 'resourceVersionMatch is forbidden when continue is provided'))
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(notSupported(field, match, ['Exact', 'NotOlderThan', '']))
    if (match === 'Exact' && query.get('resourceVersion') === '0') {
      errors.push(forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    }
  }
  if (query.has('sendInitialEvents'))
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  return errors
}

function validateWatch(query: URLSearchParams): FieldError[] {
  const match = query.get(field) ?? ''
  const initial = query.has('sendInitialEvents')
  const errors: FieldError[] = []
  if (initial && match !== 'NotOlderThan') {
    errors.push(forbidden(field, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'))
  }
  if (match) {
    if (!initial)
      errors.push(forbidden(field, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'))
    if (match !== 'NotOlderThan') errors.push(notSupported(field, match, ['NotOlderThan']))
    if (query.get('continue'))
      errors.push(forbidden(field, 'resourceVersionMatch is forbidden when continue is provided'))
  }
  return errors
}

interface DeleteOptionsBody extends KubeObject {
  gracePeriodSeconds?: number
  propagationPolicy?: string
  orphanDependents?: boolean
  preconditions?: { uid?: string; resourceVersion?: string }
  dryRun?: string[]
}

/** From the body when there is one, else from the query. */
export function deleteOptions(body: unknown, query: URLSearchParams): { request: DeleteRequest; dryRun: boolean } {
  const given = (body ?? fromQuery(query)) as DeleteOptionsBody
  const { propagationPolicy: policy, orphanDependents, dryRun = [] } = given
  const errors: FieldError[] = []
  if (policy !== undefined && orphanDependents !== undefined) {
    errors.push(
      invalidField('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'),
    )
  }
  if (policy !== undefined && !propagationPolicies.some((known) => known === policy)) {
    errors.push(notSupported('propagationPolicy', policy, [...propagationPolicies, 'nil']))
  }
  if (!dryRun.every((value) => value === 'All')) errors.push(notSupported('dryRun', dryRun, ['All']))
  if (errors.length) throw optionsError('DeleteOptions', errors)
  return {
    request: {
      gracePeriodSeconds: given.gracePeriodSeconds,
      propagationPolicy: policy as DeleteRequest['propagationPolicy'],
      orphanDependents,
      preconditions: given.preconditions,
    },
    dryRun: dryRun.length > 0,
  }
}

function fromQuery(query: URLSearchParams): DeleteOptionsBody {
  const grace = integer(query, 'gracePeriodSeconds')
  const policy = query.get('propagationPolicy')
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...(query.has('orphanDependents') ? { orphanDependents: isTrue(query.get('orphanDependents')) } : {}),
    ...(query.has('dryRun') ? { dryRun: query.getAll('dryRun') } : {}),
  }
}
