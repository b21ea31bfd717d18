import type { QueryScope } from '#shared/ipc/queries.ts'
import { matches, parseSelector } from '#shared/kube/selectors.ts'
import type { RequestHandlers, StreamHandlers } from '../channel/server.ts'
import type { Contexts } from '../connections/contexts.ts'
import { allRows } from './all-rows.ts'
import { runQuery, type QueryDependencies } from './query.ts'
import type { SharedLists } from './shared-lists.ts'

const dependencies = (contexts: Contexts, lists: SharedLists, scope: QueryScope): QueryDependencies => ({
  openLists: (namespaces) =>
    lists.open({
      connection: contexts.connection(scope.context),
      resource: scope.resource,
      namespaces,
      fieldSelector: scope.fieldSelector,
      labelSelector: scope.labelSelector,
    }),
  connection: () => contexts.connection(scope.context),
  onContextChange: (changed) => contexts.onChange(changed),
  parseLabels: (selector) => {
    const parsed = parseSelector(selector)
    return (labels) => matches(parsed, labels)
  },
})

export const queryRequests = (contexts: Contexts, lists: SharedLists): Pick<RequestHandlers, 'query.rows'> => ({
  'query.rows': (scope, signal) => allRows(scope, signal, dependencies(contexts, lists, scope)),
})

export const queryStreams = (contexts: Contexts, lists: SharedLists): Pick<StreamHandlers, 'query.open'> => ({
  'query.open': (params, outlet) => runQuery(params, outlet, dependencies(contexts, lists, params)),
})
