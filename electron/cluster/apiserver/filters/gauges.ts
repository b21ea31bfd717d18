import type { Store } from '../../store/api.ts'
import type { KindIndex } from '../kinds/kind-index.ts'

/** What is measured of what is stored, as {@link RequestMetrics.text} takes it. */
export const gaugesOf = (kinds: KindIndex, store: Store): [name: string, help: string, value: number][] => [
  ...gauges(kinds, store),
  ...objectCounts(kinds),
]

function objectCounts(kinds: KindIndex): [string, string, number][] {
  const stored = [...kinds.all].filter(({ stored: isStored, definition }) => isStored && !definition.convert)
  return stored.map(({ objects, definition: { group, plural } }) => [
    `apiserver_resource_objects{group="${group}",resource="${plural}"}`,
    'Number of stored objects at the time of last check split by kind.',
    objects.store.count(objects.type.prefix),
  ])
}

function gauges(kinds: KindIndex, store: Store): [string, string, number][] {
  let watchers = 0
  for (const { hub } of kinds.stores) watchers += hub.watchers
  return [
    ['apiserver_registered_watchers', 'Number of currently registered watchers.', watchers],
    ['wheelhouse_store_revision', 'Newest committed revision.', store.revision],
    ['process_resident_memory_bytes', 'Resident memory size in bytes.', process.memoryUsage.rss()],
  ]
}
