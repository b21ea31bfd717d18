import type { Event } from 'kubernetes-types/core/v1'
import { column, shape } from './define.ts'

const lastSeen = ({ lastTimestamp, eventTime, metadata, series }: Event): number | null => {
  const time = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp
  return time ? Date.parse(time) : null
}

export const events = shape<Event>(
  [
    column('type', 'Type', 'status', ({ type }) => type ?? null),
    column('reason', 'Reason', 'text', ({ reason }) => reason ?? null),
    column('object', 'Object', 'text', ({ involvedObject: { kind, name } }) => `${kind ?? ''}/${name ?? ''}`),
    column('message', 'Message', 'text', ({ message }) => message ?? null),
    column('count', 'Count', 'number', ({ count, series }) => series?.count ?? count ?? 1),
    column('last-seen', 'Last seen', 'age', lastSeen),
    column(
      'source',
      'Source',
      'text',
      ({ source, reportingComponent }) => source?.component ?? reportingComponent ?? null,
      1,
    ),
  ],
  ({ type }) => (type === 'Warning' ? 'warn' : 'off'),
)
