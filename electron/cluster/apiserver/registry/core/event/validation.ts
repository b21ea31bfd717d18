import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, invalid, required } from '../../validation/field.ts'
import { validateImmutable } from '../../validation/immutable.ts'
import { isDnsSubdomain, isQualifiedName } from '../../validation/names.ts'
import type { Event } from './types.ts'

/** Source: core/validation/events.go. `controllerField` is how the version spoken calls the reporting controller. */
export function validateEvent(event: Event, controllerField: string): FieldError[] {
  const namespace = event.metadata?.namespace ?? ''
  const involved = event.involvedObject?.namespace ?? ''
  const errors: FieldError[] = []
  const elsewhere = () => invalid('involvedObject.namespace', involved, 'does not match event.namespace')
  if (!event.eventTime) {
    if (involved === '' ? namespace !== '' && namespace !== 'default' : namespace !== involved) errors.push(elsewhere())
  } else {
    if (involved === '' && namespace !== 'default' && namespace !== 'kube-system') errors.push(elsewhere())
    const controller = event.reportingComponent ?? ''
    if (!controller) errors.push(required(controllerField))
    errors.push(...asInvalid(controllerField, controller, isQualifiedName(controller)))
    errors.push(
      ...short(event.reportingInstance, 'reportingInstance'),
      ...short(event.action, 'action'),
      ...short(event.reason, 'reason'),
    )
    if ((event.message ?? '').length > 1024) errors.push(invalid('message', '', 'can have at most 1024 characters'))
  }
  errors.push(...asInvalid('namespace', namespace, isDnsSubdomain(namespace)))
  return errors
}

function short(value: string | undefined, field: string): FieldError[] {
  if (!value) return [required(field)]
  return value.length > 128 ? [invalid(field, '', 'can have at most 128 characters')] : []
}

/** events.k8s.io asks for more, and refuses the fields of old. Speaks of fields by the core group's names, as upstream does. */
export function validateNewEvent(event: Event): FieldError[] {
  const errors = validateEvent(event, 'reportingController')
  const { series } = event
  if (series) {
    if ((series.count ?? 0) < 2) errors.push(invalid('series.count', '', 'should be at least 2'))
    if (!series.lastObservedTime) errors.push(required('series.lastObservedTime'))
  }
  if (!event.eventTime) errors.push(required('eventTime'))
  if (event.type !== 'Normal' && event.type !== 'Warning')
    errors.push(invalid('type', '', `has invalid value: ${event.type ?? ''}`))
  const unset = (field: string, value: unknown) => {
    if (value) errors.push(invalid(field, '', 'needs to be unset'))
  }
  unset('firstTimestamp', event.firstTimestamp)
  unset('lastTimestamp', event.lastTimestamp)
  unset('count', event.count)
  unset('source', event.source?.component || event.source?.host)
  return errors
}

const fixed = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
] as const

/** Of an event of events.k8s.io only the series may go on. */
export const validateNewEventUpdate = (event: Event, old: Event): FieldError[] =>
  fixed.flatMap((field) =>
    validateImmutable(event[field], old[field], field === 'reportingComponent' ? 'reportingController' : field),
  )
