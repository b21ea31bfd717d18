import { columnsOf, nameColumn } from '../../columns/common.ts'
import { since, type CellValue } from '../../columns/since.ts'
import { kindsOf } from '../../define.ts'
import type { Column, FieldReader, KindDefinition } from '../../kind.ts'
import { dnsSubdomain, pathSegment } from '../../validation/names.ts'
import { fromCore, toCore } from './convert.ts'
import type { Event, NewEvent } from './types.ts'
import { validateEvent, validateNewEvent, validateNewEventUpdate } from './validation.ts'

/** What happened is worth an hour's memory. */
const timeToLive = 60 * 60 * 1000
const shape = {
  kind: 'Event',
  plural: 'events',
  namespaced: true,
  shortNames: ['ev'],
  storagePrefix: 'events',
  timeToLive,
}

const column = columnsOf<Event>('Event')

const firstSeen = ({ firstTimestamp, eventTime }: Event): CellValue => since(firstTimestamp || eventTime)

function lastSeen(event: Event): CellValue {
  if (event.series) return since(event.series.lastObservedTime)
  return event.lastTimestamp ? since(event.lastTimestamp) : firstSeen(event)
}

function subject({ involvedObject }: Event): string {
  const kind = (involvedObject?.kind ?? '').toLowerCase()
  return involvedObject?.name ? `${kind}/${involvedObject.name}` : kind
}

function source({ source: from, reportingComponent, reportingInstance }: Event): string {
  const component = from?.component || reportingComponent || ''
  const host = from?.component ? from.host : reportingInstance
  return host ? `${component}, ${host}` : component
}

const columns: readonly Column<Event>[] = [
  column('Last Seen', lastSeen),
  column('Type', ({ type }) => type ?? ''),
  column('Reason', ({ reason }) => reason ?? ''),
  column('Object', subject),
  column('Subobject', ({ involvedObject }) => involvedObject?.fieldPath ?? '', { wide: true }),
  column('Source', source, { wide: true }),
  column('Message', ({ message }) => (message ?? '').trim()),
  column('First Seen', firstSeen, { wide: true }),
  column('Count', ({ series, count }) => series?.count ?? (count || 1), { wide: true }),
  { ...nameColumn, priority: 1 },
]

const objectFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const

function selectable(prefix: string, controller: string): Record<string, FieldReader<Event>> {
  const ofObject = objectFields.map(
    (field) => [`${prefix}.${field}`, ({ involvedObject }: Event) => involvedObject?.[field] ?? ''] as const,
  )
  return {
    ...Object.fromEntries(ofObject),
    reason: ({ reason }) => reason ?? '',
    type: ({ type }) => type ?? '',
    [controller]: ({ reportingComponent }) => reportingComponent ?? '',
  }
}

const define = kindsOf('', 'v1')
const defineNew = kindsOf('events.k8s.io', 'v1')

export const event: KindDefinition<Event> = define<Event>({
  ...shape,
  rules: {
    name: pathSegment,
    anyFinalizers: true,
    validate: (object) => validateEvent(object, 'reportingComponent'),
    more: { allowCreateOnUpdate: true },
  },
  columns,
  selectableFields: {
    ...selectable('involvedObject', 'reportingComponent'),
    source: ({ source: from, reportingComponent }) => from?.component || reportingComponent || '',
  },
})

const asCore = (object: NewEvent): Event => toCore(object) as Event

/** The same objects in the words of events.k8s.io. */
export const newEvent: KindDefinition<NewEvent> = defineNew<NewEvent>({
  ...shape,
  convert: {
    storage: { group: '', version: 'v1', type: 'io.k8s.api.core.v1.Event' },
    toStorage: toCore,
    fromStorage: fromCore,
  },
  rules: {
    name: dnsSubdomain,
    validate: (object) => validateNewEvent(asCore(object)),
    validateUpdate: (object, old) => validateNewEventUpdate(asCore(object), asCore(old)),
    more: { allowCreateOnUpdate: true },
  },
  columns: columns.map((each) => ({ ...each, cell: (object: NewEvent) => each.cell(asCore(object)) })),
  selectableFields: Object.fromEntries(
    Object.entries(selectable('regarding', 'reportingController')).map(([field, read]) => [
      field,
      (object: NewEvent) => read(asCore(object)),
    ]),
  ),
})
