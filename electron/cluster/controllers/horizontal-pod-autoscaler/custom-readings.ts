import type { KubeObject, LabelSelector, Frozen } from '#shared/kube/object.ts'
import { milliValueOf, parseQuantity } from '#shared/kube/quantity.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import { formatSelector, selectorOf } from '#shared/kube/selectors.ts'
import type { GetOptions, ObjectKey } from '../../client/api.ts'
import type { Sample } from './pods.ts'
import type { Place, Reading } from './reading.ts'
import { isUnserved, toldBy } from './told-by.ts'
import type { MetricSpec } from './types.ts'

/** custom.metrics.k8s.io MetricValueList. */
interface MetricValues extends KubeObject {
  items?: { describedObject?: { name?: string }; timestamp?: string; windowSeconds?: number; value: string }[]
}

/** external.metrics.k8s.io ExternalMetricValueList. */
interface ExternalValue extends KubeObject {
  value: string
}

const customGroup = 'custom.metrics.k8s.io'
const customVersions = ['v1beta2', 'v1beta1']
const defaultWindow = 60_000

const textOf = (selector: Frozen<LabelSelector> | undefined): string =>
  selector ? formatSelector(selectorOf(selector)) : ''

const milli = (value: string): number => milliValueOf(parseQuantity(value))

/** Source: GetRawMetric. */
export async function podsReading({ metric }: NonNullable<MetricSpec['pods']>, place: Place): Promise<Reading> {
  const query = { labelSelector: place.selector, ...metricQuery(textOf(metric.selector)) }
  const items = await custom(place, 'pods', { namespace: place.namespace, name: '*' }, metric.name, query)
  if (!items.length) return { failure: 'no metrics returned from custom metrics API' }
  const samples = new Map<string, Sample>()
  for (const { describedObject, timestamp, windowSeconds, value } of items) {
    const window = windowSeconds === undefined ? defaultWindow : windowSeconds * 1000
    samples.set(describedObject?.name ?? '', { value: milli(value), timestamp: Date.parse(timestamp ?? ''), window })
  }
  return { samples }
}

/** Source: GetObjectMetric. A namespace can only be the autoscaler's own. */
export async function objectReading(
  { metric, describedObject }: NonNullable<MetricSpec['object']>,
  place: Place,
): Promise<Reading> {
  const { apiVersion = '', kind } = describedObject
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  const query = metricQuery(textOf(metric.selector))
  if (kind === 'Namespace' && !group) {
    const [found] = await custom(place, 'namespaces', { name: place.namespace }, `metrics/${metric.name}`, query)
    return valueOf(found)
  }
  const { resources } = await place.discovery.resources()
  const type = resources.find((each) => each.group === group && each.kind === kind)
  if (!type)
    return {
      failure: `unable to fetch metrics from custom metrics API: no matches for kind "${kind}" in group "${group}"`,
    }
  const resource = group ? `${type.plural}.${group}` : type.plural
  const key = { namespace: place.namespace, name: describedObject.name }
  const [found] = await custom(place, resource, key, metric.name, query)
  return valueOf(found)
}

const metricQuery = (metricLabelSelector: string): Record<string, string> =>
  metricLabelSelector ? { metricLabelSelector } : {}

const valueOf = (found: { value: string } | undefined): Reading =>
  found
    ? { value: milli(found.value) }
    : { failure: 'unable to fetch metrics from custom metrics API: the custom metrics API server returned no metric' }

/** In the first version that is served, newest first. */
async function custom(
  { client }: Place,
  plural: string,
  key: ObjectKey,
  subresource: string,
  query: NonNullable<GetOptions['query']>,
): Promise<NonNullable<MetricValues['items']>> {
  for (const version of customVersions) {
    const type = {
      group: customGroup,
      version,
      plural,
      kind: 'MetricValueList',
      namespaced: key.namespace !== undefined,
    }
    try {
      return (await client.get<MetricValues>(type, key, { subresource, query })).items ?? []
    } catch (error) {
      if (!isUnserved(error)) toldBy('custom metrics API', '')(error)
    }
  }
  throw new Error(`unable to fetch metrics from custom metrics API: no custom metrics API (${customGroup}) registered`)
}

/** Source: GetExternalMetric; the values are added up. */
export async function externalReading(
  { metric }: NonNullable<MetricSpec['external']>,
  { client, namespace }: Place,
): Promise<Reading> {
  const type: ResourceType<ExternalValue> = {
    group: 'external.metrics.k8s.io',
    version: 'v1beta1',
    plural: metric.name,
    kind: 'ExternalMetricValueList',
    namespaced: true,
  }
  const { items } = await client
    .list(type, { namespace, labelSelector: textOf(metric.selector) })
    .catch(toldBy('external metrics API', `get ${metric.name}.${type.group}`))
  if (!items.length) return { failure: 'no metrics returned from external metrics API' }
  return { value: items.reduce((sum, { value }) => sum + milli(value), 0) }
}
