import { milliValueOf, parseQuantity } from '#shared/kube/quantity.ts'
import type { PodMetrics } from '#shared/kube/metrics.ts'
import { parseGoDuration } from '#shared/kube/duration.ts'
import { podMetrics } from '#shared/kube/metrics.ts'
import { externalReading, objectReading, podsReading } from './custom-readings.ts'
import type { Sample } from './pods.ts'
import type { Place, Reading } from './reading.ts'
import { toldBy } from './told-by.ts'
import type { MetricSpec } from './types.ts'

/** Never rejects. */
export async function read(metric: MetricSpec, place: Place): Promise<Reading> {
  try {
    switch (metric.type) {
      case 'Resource':
        return await resourceReading(metric.resource?.name ?? '', undefined, place)
      case 'ContainerResource':
        return await resourceReading(metric.containerResource?.name ?? '', metric.containerResource?.container, place)
      case 'Pods':
        return await podsReading(metric.pods!, place)
      case 'Object':
        return await objectReading(metric.object!, place)
      case 'External':
        return await externalReading(metric.external!, place)
      default:
        return { failure: `unknown metric source type ${JSON.stringify(metric.type)}` }
    }
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}

/** Source: podautoscaler/metrics/client.go, GetResourceMetric. */
async function resourceReading(resource: string, container: string | undefined, place: Place): Promise<Reading> {
  const { client, namespace, selector } = place
  const { items } = await client
    .list(podMetrics, { namespace, labelSelector: selector })
    .catch(toldBy('resource metrics API', 'get pods.metrics.k8s.io'))
  if (!items.length) return { failure: 'no metrics returned from resource metrics API' }
  const samples = new Map<string, Sample>()
  for (const item of items) {
    if (container !== undefined && !item.containers.some(({ name }) => name === container)) {
      const pod = `${item.metadata?.namespace ?? namespace}/${item.metadata?.name ?? ''}`
      return {
        failure: `failed to get container metrics: container ${container} not present in metrics for pod ${pod}`,
      }
    }
    const value = usageOf(item, resource, container)
    if (value === undefined) continue
    const timestamp = Date.parse(item.timestamp)
    samples.set(item.metadata?.name ?? '', { value, timestamp, window: parseGoDuration(item.window) ?? 0 })
  }
  return { samples }
}

/** Undefined where the usage of any container is not known. */
function usageOf({ containers }: PodMetrics, resource: string, wanted: string | undefined): number | undefined {
  const counted = wanted === undefined ? containers : containers.filter(({ name }) => name === wanted)
  const amounts = counted.map(({ usage }) => usage[resource])
  if (!amounts.length || amounts.includes(undefined)) return undefined
  return amounts.reduce((sum, text) => sum + milliValueOf(parseQuantity(text!)), 0)
}
