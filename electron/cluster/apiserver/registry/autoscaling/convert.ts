import type { KubeObject } from '#shared/kube/object.ts'
import { metaOf } from '../loose.ts'
import { cpuMetric } from './defaults.ts'
import type { Autoscaler, Metric, MetricStatus, OldAutoscaler, Spec } from './types.ts'

const prefix = 'autoscaling.alpha.kubernetes.io/'
/** What v1 has no field for travels in annotations. */
const annotations = {
  metrics: `${prefix}metrics`,
  behavior: `${prefix}behavior`,
  conditions: `${prefix}conditions`,
  currentMetrics: `${prefix}current-metrics`,
}

const utilizationOf = ({ type, resource }: Metric): number | undefined =>
  type === 'Resource' && resource?.name === 'cpu' ? resource.target?.averageUtilization : undefined
const currentUtilizationOf = ({ type, resource }: MetricStatus): number | undefined =>
  type === 'Resource' && resource?.name === 'cpu' ? resource.current?.averageUtilization : undefined

/** The object in the words of autoscaling/v1. */
export function fromStorage(object: KubeObject): KubeObject {
  const { spec = {}, status, ...rest } = object as Autoscaler
  const { metrics = [], behavior, ...shared } = spec
  const { currentMetrics, conditions, ...numbers } = status ?? {}
  const cpu = metrics.find((metric) => utilizationOf(metric) !== undefined)
  const others = metrics.filter((metric) => metric !== cpu)
  const old: OldAutoscaler = { ...rest, spec: shared }
  if (cpu) old.spec!.targetCPUUtilizationPercentage = utilizationOf(cpu)
  if (status) {
    old.status = { currentReplicas: 0, ...numbers }
    const current = (currentMetrics ?? []).map(currentUtilizationOf).find((value) => value !== undefined)
    if (current !== undefined) old.status.currentCPUUtilizationPercentage = current
  }
  const extra: Record<string, unknown> = {
    ...(others.length ? { [annotations.metrics]: others } : {}),
    ...(behavior ? { [annotations.behavior]: behavior } : {}),
    ...(conditions?.length ? { [annotations.conditions]: conditions } : {}),
    ...(currentMetrics?.length ? { [annotations.currentMetrics]: currentMetrics } : {}),
  }
  if (Object.keys(extra).length) {
    const texts = Object.fromEntries(Object.entries(extra).map(([key, value]) => [key, JSON.stringify(value)]))
    old.metadata = { ...old.metadata, annotations: { ...old.metadata?.annotations, ...texts } }
  }
  return old
}

/** The object in the words of autoscaling/v2, in which it is stored. */
export function toStorage(object: KubeObject): KubeObject {
  const { spec = {}, status, ...rest } = object as OldAutoscaler
  const { targetCPUUtilizationPercentage: target, ...shared } = spec
  const given = rest.metadata?.annotations ?? {}
  const metrics = [
    ...(target === undefined ? [] : [cpuMetric(target)]),
    ...(parsed<Metric[]>(given[annotations.metrics]) ?? []),
  ]
  const behavior = parsed<Spec['behavior']>(given[annotations.behavior])
  const stored: Autoscaler = {
    ...rest,
    apiVersion: 'autoscaling/v2',
    spec: { ...shared, metrics: metrics.length ? metrics : [cpuMetric()] },
  }
  if (behavior) stored.spec!.behavior = behavior
  if (status) {
    const { currentCPUUtilizationPercentage: current, currentReplicas, ...numbers } = status
    const resource = { name: 'cpu', current: { averageUtilization: current } }
    const own = current === undefined ? undefined : [{ type: 'Resource', resource }]
    const conditions = parsed<NonNullable<Autoscaler['status']>['conditions']>(given[annotations.conditions])
    const currentMetrics = parsed<MetricStatus[]>(given[annotations.currentMetrics]) ?? own
    stored.status = {
      ...numbers,
      ...(currentReplicas ? { currentReplicas } : {}),
      ...(currentMetrics ? { currentMetrics } : {}),
      ...(conditions ? { conditions } : {}),
    }
  }
  dropAnnotations(stored)
  return stored
}

function dropAnnotations(object: KubeObject): void {
  const metadata = metaOf(object)
  const ours = new Set<string>(Object.values(annotations))
  const rest = Object.entries(metadata.annotations ?? {}).filter(([key]) => !ours.has(key))
  if (rest.length) metadata.annotations = Object.fromEntries(rest)
  else delete metadata.annotations
}

/** An annotation that is no JSON says nothing, as upstream has it. */
function parsed<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}
