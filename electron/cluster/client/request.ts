import type { KubeObject } from '#shared/kube/object.ts'
import { apiVersionOf, type ResourceType } from '#shared/kube/resources.ts'
import type { WatchOptions, WriteOptions } from './api.ts'

/** The query of a list, or of a watch; '' for none. */
export const listQuery = (options: Partial<WatchOptions>, watch = false): string =>
  query({
    watch: watch || undefined,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
    limit: options.limit,
    continue: options.continue,
    allowWatchBookmarks: options.allowBookmarks,
    sendInitialEvents: options.sendInitialEvents,
    timeoutSeconds: options.timeoutSeconds,
  })

export const writeQuery = ({ fieldManager, force, dryRun }: WriteOptions): string =>
  query({ fieldManager, force, dryRun: dryRun ? 'All' : undefined })

/** With its question mark; what is undefined is left out. */
export function query(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const pairs = Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return pairs.length ? `?${pairs.join('&')}` : ''
}

/** The object, saying what it is. */
export const withKind = <T extends KubeObject>(type: ResourceType<T>, object: T): T =>
  object.kind && object.apiVersion ? object : { ...object, apiVersion: apiVersionOf(type), kind: type.kind }
