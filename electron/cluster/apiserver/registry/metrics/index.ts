import { nodeMetrics, podMetrics, type NodeMetrics, type PodMetrics, type Usage } from '#shared/kube/metrics.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { notFound } from '#shared/kube/status.ts'
import { addQuantities, formatQuantity, parseQuantity } from '#shared/kube/quantity.ts'
import { nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { Column, KindDefinition } from '../kind.ts'

/** Where usage comes from. */
export interface MetricsSource {
  /** Of one namespace, or of all. */
  pods(namespace: string | undefined): Promise<PodMetrics[]>
  nodes(): Promise<NodeMetrics[]>
}

const { group, version } = podMetrics
const define = kindsOf(group, version)
const typeOf = (kind: string): string => `io.k8s.metrics.pkg.apis.metrics.${version}.${kind}`

/** Columns as metrics-server's own printer has them. */
const columnsOf = <T extends KubeObject & { window: string }>(usages: (object: T) => readonly Usage[]): Column<T>[] => {
  const used = (name: string) => (object: T) =>
    formatQuantity(
      usages(object)
        .map((usage) => parseQuantity(usage[name] ?? '0'))
        .reduce(addQuantities),
    )
  const column = (name: string, cell: (object: T) => string, description: string, format = 'quantity'): Column<T> => ({
    name,
    type: 'string',
    format,
    description,
    priority: 0,
    cell,
  })
  return [
    nameColumn,
    column('cpu', used('cpu'), 'CPU resource usage'),
    column('memory', used('memory'), 'Memory resource usage'),
    column('Window', ({ window }) => window, 'Window of collection', 'duration'),
  ]
}

function found<T extends KubeObject>(objects: readonly T[], plural: string, name: string, namespace?: string): T {
  const object = objects.find(({ metadata }) => metadata?.name === name)
  if (!object) throw notFound({ group, plural }, namespace === undefined ? name : `${namespace}/${name}`)
  return object
}

/** The kinds of the metrics API over a source. */
export const metricsKinds = (source: MetricsSource): readonly KindDefinition[] => [
  define<NodeMetrics>({
    ...nodeMetrics,
    type: typeOf(nodeMetrics.kind),
    verbs: ['get', 'list'],
    columns: columnsOf(({ usage }) => [usage]),
    virtual: {
      get: async (name) => found(await source.nodes(), 'nodemetrics', name),
      list: () => source.nodes(),
    },
  }) as KindDefinition,
  define<PodMetrics>({
    ...podMetrics,
    type: typeOf(podMetrics.kind),
    verbs: ['get', 'list'],
    columns: columnsOf(({ containers }) => containers.map(({ usage }) => usage)),
    virtual: {
      get: async (name, { namespace }) => found(await source.pods(namespace), 'podmetrics', name, namespace),
      list: ({ namespace }) => source.pods(namespace),
    },
  }) as KindDefinition,
]
