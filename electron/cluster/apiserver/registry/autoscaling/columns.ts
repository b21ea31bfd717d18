import type { KubeObject } from '#shared/kube/object.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import type { Column } from '../kind.ts'
import type { Autoscaler, Metric, MetricStatus, MetricTarget } from './types.ts'

const unknown = '<unknown>'
const mostShown = 2

type Current =
  { value?: string | undefined; averageValue?: string | undefined; averageUtilization?: number | undefined } | undefined

function amount(target: MetricTarget | undefined, current: Current): string {
  return target?.averageValue !== undefined
    ? `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`
    : `${current?.value ?? unknown}/${target?.value ?? ''}`
}

function share(name: string | undefined, target: MetricTarget | undefined, current: Current): string {
  const percent = (value: number | undefined, otherwise: string) => (value === undefined ? otherwise : `${value}%`)
  return target?.averageValue !== undefined
    ? `${name ?? ''}: ${current?.averageValue ?? unknown}/${target.averageValue}`
    : `${name ?? ''}: ${percent(current?.averageUtilization, unknown)}/${percent(target?.averageUtilization, '<auto>')}`
}

/** Source: formatHPAMetrics. */
function formatMetric(metric: Metric, now: MetricStatus | undefined): string {
  switch (metric.type) {
    case 'External':
      return amount(metric.external?.target, now?.external?.current)
    case 'Object':
      return amount(metric.object?.target, now?.object?.current)
    case 'Pods':
      return `${now?.pods?.current?.averageValue ?? unknown}/${metric.pods?.target?.averageValue ?? ''}`
    case 'Resource':
      return share(metric.resource?.name, metric.resource?.target, now?.resource?.current)
    case 'ContainerResource':
      return share(metric.containerResource?.name, metric.containerResource?.target, now?.containerResource?.current)
    default:
      return '<unknown type>'
  }
}

function targets({ spec, status: now }: Autoscaler): string {
  const texts = (spec?.metrics ?? []).map((metric, i) => formatMetric(metric, now?.currentMetrics?.[i]))
  if (!texts.length) return '<none>'
  const shown = texts.slice(0, mostShown).join(', ')
  return texts.length > mostShown ? `${shown} + ${texts.length - mostShown} more...` : shown
}

/** The table of both versions; `of` reads either as the newer one. */
export function columns<T extends KubeObject>(of: (object: T) => Autoscaler): Column<T>[] {
  const column = columnsOf<T>('HorizontalPodAutoscaler')
  return [
    nameColumn,
    column('Reference', (object) => {
      const target = of(object).spec?.scaleTargetRef
      return `${target?.kind ?? ''}/${target?.name ?? ''}`
    }),
    column('Targets', (object) => targets(of(object))),
    column('MinPods', (object) => String(of(object).spec?.minReplicas ?? '<unset>')),
    column('MaxPods', (object) => of(object).spec?.maxReplicas ?? 0),
    column('Replicas', (object) => of(object).status?.currentReplicas ?? 0),
    ageColumn,
  ]
}
