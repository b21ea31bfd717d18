import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec } from 'kubernetes-types/autoscaling/v2'
import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { PodMetrics } from '#shared/kube/metrics.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import * as resources from '#shared/kube/resources.ts'
import { podMetrics } from '#shared/kube/metrics.ts'
import { deployments, horizontalPodAutoscalers, type ResourceType } from '#shared/kube/resources.ts'
import { conflict, statusFailure } from '#shared/kube/status.ts'
import type { ServedResource } from '../../client/api.ts'
import { deployment, pod, readyStatus } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { horizontalPodAutoscaler } from './controller.ts'

const web = { namespace: 'default', name: 'web' }
const period = 15_000
const boat: ResourceType = { group: 'sea.example', version: 'v1', plural: 'boats', kind: 'Boat', namespaced: true }
const served = [...Object.values(resources), boat]
  .filter((type) => typeof type === 'object')
  .map((type): ServedResource => ({ ...type, verbs: ['get'] }))

const cpu = (averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
})
const autoscaler = (spec: Partial<HorizontalPodAutoscalerSpec> = {}, name = 'web'): HorizontalPodAutoscaler => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name, namespace: 'default', uid: `${name}-uid` },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    minReplicas: 1,
    maxReplicas: 10,
    metrics: [cpu(50)],
    ...spec,
  },
})
/** Of a deployment that has run for long, each pod asking for 100m. */
const podOf = (name: string): Pod =>
  pod(name, {
    metadata: { name, labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '100m' } } }] },
    status: { ...readyStatus('2025-12-31T00:00:00Z'), startTime: '2025-12-31T00:00:00Z' },
  })
const usage = (name: string, amount: string, labels: Record<string, string> = { app: 'web' }): PodMetrics => ({
  apiVersion: 'metrics.k8s.io/v1beta1',
  kind: 'PodMetrics',
  metadata: { name, namespace: 'default', labels },
  timestamp: '2026-01-01T00:00:00Z',
  window: '15s',
  containers: [{ name: 'c', usage: { cpu: amount } }],
})
const target = (replicas: number) => {
  const base = deployment('web')
  return { ...base, spec: { ...base.spec!, replicas }, status: { replicas } }
}
const running = (amount: string, replicas = 2): KubeObject[] => [
  target(replicas),
  ...Array.from({ length: replicas }, (_, i) => podOf(`p${i}`)),
  ...Array.from({ length: replicas }, (_, i) => usage(`p${i}`, amount)),
]

const start = (...objects: KubeObject[]) =>
  harness((parts) => {
    parts.client.register(boat)
    return [
      horizontalPodAutoscaler({
        ...parts,
        discovery: { resources: async () => ({ resources: served, failures: [] }) },
      }),
    ]
  }, objects)
const replicas = (h: Harness) => h.client.find(deployments, web)?.spec?.replicas
const status = (h: Harness, name = 'web') => h.client.find(horizontalPodAutoscalers, { ...web, name })?.status
const conditions = (h: Harness, name = 'web') =>
  status(h, name)?.conditions?.map(({ type, status: is, reason, message }) => `${type} ${is} ${reason}: ${message}`)
const use = (h: Harness, amount: string) => {
  for (const { metadata } of h.client.stored(podMetrics))
    h.client.change(podMetrics, { namespace: 'default', name: metadata!.name! }, (metrics) => {
      metrics.containers = [{ name: 'c', usage: { cpu: amount } }]
    })
}
const selectorIn = ({ options }: { options: unknown }) => (options as { labelSelector?: string }).labelSelector
const scaleGets = (h: Harness) =>
  h.client.actions.filter(({ subresource, verb }) => subresource === 'scale' && verb === 'get')

describe('an autoscaler', () => {
  it('grows its target to what the load asks for, and tells of it', async () => {
    await using h = await start(...running('90m'), autoscaler())
    expect(replicas(h)).toBe(4)
    expect(status(h)).toMatchObject({
      currentReplicas: 2,
      desiredReplicas: 4,
      lastScaleTime: '2026-01-01T00:00:00Z',
      currentMetrics: [
        { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 90, averageValue: '90m' } } },
      ],
    })
    expect(conditions(h)).toEqual([
      'AbleToScale True SucceededRescale: the HPA controller was able to update the target scale to 4',
      'ScalingActive True ValidMetricFound: the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)',
      'ScalingLimited False DesiredWithinRange: the desired count is within the acceptable range',
    ])
    expect(h.events()).toEqual([
      'SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target',
    ])
  })

  it('looks again every 15 seconds, and writes nothing where nothing has changed', async () => {
    await using h = await start(...running('50m'), autoscaler())
    const before = h.client.writes().length
    await h.run(period - 1)
    expect(scaleGets(h)).toHaveLength(1)
    await h.run(1 + 3 * period)
    expect(scaleGets(h)).toHaveLength(5)
    expect(h.client.writes()).toHaveLength(before)
    expect(conditions(h)?.[0]).toBe('AbleToScale True ReadyForNewScale: recommended size matches current size')
  })

  it('looks at once when it asks for something else', async () => {
    await using h = await start(...running('50m'), autoscaler())
    h.client.change(horizontalPodAutoscalers, web, (object) => (object.spec!.minReplicas = 3))
    await h.run()
    expect(replicas(h)).toBe(3)
    expect(h.events()).toEqual([
      'SuccessfulRescale: New size: 3; reason: Current number of replicas below Spec.MinReplicas',
    ])
  })

  it('shrinks its target only after five minutes of little load', async () => {
    await using h = await start(...running('90m'), autoscaler())
    h.client.change(deployments, web, (object) => (object.status = { replicas: 4 }))
    use(h, '10m')
    await h.run(300_000 - period)
    expect([replicas(h), conditions(h)?.[0]]).toEqual([
      4,
      'AbleToScale True ScaleDownStabilized: recent recommendations were higher than current one, applying the highest recent recommendation',
    ])
    await h.run(2 * period)
    expect(replicas(h)).toBe(1)
    expect(h.events().at(-1)).toBe('SuccessfulRescale: New size: 1; reason: All metrics below target')
  })

  it('obeys its behaviour over several looks', async () => {
    const policies = [{ type: 'Pods', value: 1, periodSeconds: 30 }]
    const scaleUp = { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies }
    const scaleDown = { ...scaleUp, selectPolicy: 'Disabled' }
    await using h = await start(...running('900m'), autoscaler({ behavior: { scaleUp, scaleDown } }))
    const seen: unknown[] = [replicas(h)]
    for (let i = 0; i < 3; i++) {
      await h.run(period)
      seen.push(replicas(h))
    }
    expect(seen).toEqual([3, 3, 4, 4])
    expect(conditions(h)?.[2]).toBe(
      'ScalingLimited True ScaleUpLimit: the desired replica count is increasing faster than the maximum scale rate',
    )
    use(h, '0')
    await h.run(10 * period)
    expect(replicas(h)).toBe(4)
  })

  it('is traced as the cause of what it scales, though only time made it look', async () => {
    await using h = await start(...running('50m'), autoscaler())
    use(h, '90m')
    await h.run(period)
    const scaled = h.client.writes('update').find(({ subresource }) => subresource === 'scale')
    expect(scaled).toMatchObject({ name: 'web', options: { cause: { kind: 'HorizontalPodAutoscaler', name: 'web' } } })
  })

  it('brings a target that is too large back without asking for metrics', async () => {
    await using h = await start(target(20), autoscaler())
    expect(replicas(h)).toBe(10)
    expect(h.client.actions.filter((action) => action.verb === 'list' && selectorIn(action))).toEqual([])
    expect(status(h)).toMatchObject({ currentReplicas: 20, desiredReplicas: 10 })
  })

  it('leaves a target alone that somebody scaled to zero', async () => {
    await using h = await start(target(0), autoscaler())
    expect(replicas(h)).toBe(0)
    expect(conditions(h)?.[1]).toBe(
      'ScalingActive False ScalingDisabled: scaling is disabled since the replica count of the target is zero',
    )
  })

  it('says which target it cannot find, and finds it 15 seconds after it is there', async () => {
    await using h = await start(autoscaler())
    expect(conditions(h)).toEqual([
      `AbleToScale False FailedGetScale: the HPA controller was unable to get the target's current scale: deployments.apps "web" not found`,
    ])
    expect(h.events()).toEqual(['FailedGetScale: deployments.apps "web" not found'])
    for (const object of running('90m')) h.client.seed(object)
    await h.run(period)
    expect(replicas(h)).toBe(4)
  })

  it('says that there is no such kind', async () => {
    await using h = await start(autoscaler({ scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Plane', name: 'web' } }))
    expect(h.events()).toEqual(['FailedGetScale: no matches for kind "Plane" in group "apps"'])
  })

  it('scales a custom resource through its scale', async () => {
    const custom = {
      apiVersion: 'sea.example/v1',
      kind: 'Boat',
      metadata: { name: 'web' },
      spec: { replicas: 2, selector: { app: 'web' } },
    }
    const scaleTargetRef = { apiVersion: 'sea.example/v1', kind: 'Boat', name: 'web' }
    await using h = await start()
    for (const object of [...running('90m').slice(1), custom, autoscaler({ scaleTargetRef })]) h.client.seed(object)
    await h.run()
    expect(h.client.find(boat, web)).toMatchObject({ spec: { replicas: 4 } })
  })

  it('tells when the scale was changed under it, and tries again at its next look', async () => {
    await using h = await start(...running('90m'))
    const stop = h.client.react('update', 'deployments', () => {
      throw conflict(deployments, 'web', 'the object has been modified')
    })
    h.client.seed(autoscaler())
    await h.run()
    const failure = 'Operation cannot be fulfilled on deployments.apps "web": the object has been modified'
    expect(h.events()).toEqual([
      `FailedRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target; error: ${failure}`,
    ])
    expect(conditions(h)?.[0]).toBe(
      `AbleToScale False FailedUpdateScale: the HPA controller was unable to update the target scale: ${failure}`,
    )
    expect(status(h)).toMatchObject({ currentReplicas: 2, desiredReplicas: 0 })
    stop()
    await h.run(period)
    expect(replicas(h)).toBe(4)
  })

  it('keeps its rhythm when its status cannot be written', async () => {
    await using h = await start(...running('50m'))
    h.client.react('update', 'horizontalpodautoscalers', () => {
      throw statusFailure(500, 'InternalError', 'no')
    })
    h.client.seed(autoscaler())
    await h.run(2 * period)
    expect(scaleGets(h)).toHaveLength(3)
    expect(h.events()).toEqual(['FailedUpdateStatus: no'])
  })

  it('does nothing with another on the same pods', async () => {
    await using h = await start(...running('90m'), autoscaler())
    h.client.seed(autoscaler({}, 'twin'))
    await h.run(2 * period)
    const message = 'pods by selector app=web are controlled by multiple HPAs: [default/twin default/web]'
    expect(conditions(h, 'twin')?.[1]).toBe(`ScalingActive False AmbiguousSelector: ${message}`)
    expect(h.events()).toContain(`AmbiguousSelector: ${message}`)
    expect(h.events()).toContain(`FailedComputeMetricsReplicas: ${message}`)
    h.client.remove(horizontalPodAutoscalers, { ...web, name: 'twin' })
    await h.run(period)
    expect(conditions(h)?.[1]).toContain('ScalingActive True ValidMetricFound')
  })

  it('needs a selector on the scale', async () => {
    const bare = target(2)
    await using h = await start({ ...bare, spec: { ...bare.spec, selector: {} } } as KubeObject, autoscaler())
    expect(conditions(h)?.[1]).toBe("ScalingActive False InvalidSelector: the HPA target's scale is missing a selector")
    expect(h.events()).toEqual([
      'SelectorRequired: selector is required',
      'FailedComputeMetricsReplicas: selector is required',
    ])
  })

  it('ends with its timers when it is deleted', async () => {
    await using h = await start(...running('50m'), autoscaler())
    h.client.remove(horizontalPodAutoscalers, web)
    await h.run(5 * period)
    expect(scaleGets(h)).toHaveLength(1)
  })
})

describe('metrics', () => {
  it('that nobody serves are told of, and nothing is scaled', async () => {
    await using h = await start(...running('90m'))
    h.client.react('list', 'pods', (action) => {
      if (selectorIn(action)) throw statusFailure(404, 'NotFound', 'the server could not find the requested resource')
    })
    h.client.seed(autoscaler())
    await h.run()
    const cause =
      'failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)'
    expect(h.events()).toEqual([
      `FailedGetResourceMetric: ${cause}`,
      `FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: ${cause}`,
    ])
    expect(conditions(h)?.[1]).toBe(
      `ScalingActive False FailedGetResourceMetric: the HPA was unable to compute the replica count: ${cause}`,
    )
    expect(status(h)).toMatchObject({ currentReplicas: 2, currentMetrics: [{ type: '' }] })
  })

  it('are asked for by the selector of the scale', async () => {
    await using h = await start(...running('90m'), usage('stranger', '900m', { app: 'other' }), autoscaler())
    expect(status(h)?.currentMetrics?.[0]?.resource?.current.averageUtilization).toBe(90)
  })

  it('of a pod count only when the usage of each of its containers is known', async () => {
    await using h = await start(...running('90m'))
    h.client.change(podMetrics, { namespace: 'default', name: 'p1' }, ({ containers }) =>
      containers.push({ name: 'new', usage: {} }),
    )
    h.client.seed(autoscaler())
    await h.run()
    expect([replicas(h), status(h)?.currentMetrics?.[0]?.resource?.current.averageUtilization]).toEqual([2, 90])
  })

  const byContainer: MetricSpec = {
    type: 'ContainerResource',
    containerResource: { name: 'cpu', container: 'c', target: { type: 'AverageValue', averageValue: '30m' } },
  }
  it('of one container leave the others out', async () => {
    await using h = await start(...running('90m'), autoscaler({ metrics: [byContainer] }))
    expect([replicas(h), status(h)?.currentMetrics]).toEqual([
      4,
      [
        {
          type: 'ContainerResource',
          containerResource: { name: 'cpu', container: 'c', current: { averageValue: '90m' } },
        },
      ],
    ])
  })

  it('of a container that is not there are told of', async () => {
    const elsewhere = structuredClone(byContainer)
    elsewhere.containerResource!.container = 'x'
    await using h = await start(...running('90m'), autoscaler({ metrics: [elsewhere] }))
    expect(h.events()[0]).toBe(
      'FailedGetContainerResourceMetric: failed to get cpu usage: unable to get metrics for resource cpu: failed to get container metrics: container x not present in metrics for pod default/p0',
    )
  })

  const queue: MetricSpec = {
    type: 'External',
    external: {
      metric: { name: 'queue', selector: { matchLabels: { of: 'jobs' } } },
      target: { type: 'AverageValue', averageValue: '10' },
    },
  }
  it('of several the one counts that wants the most', async () => {
    await using h = await start(...running('50m'))
    h.client.react('list', 'queue', ({ options }) => {
      expect(options).toMatchObject({ namespace: 'default', labelSelector: 'of=jobs' })
      return { metadata: {}, items: [{ value: '40' }, { value: '10500m' }] }
    })
    h.client.seed(autoscaler({ metrics: [cpu(50), queue] }))
    await h.run()
    expect(replicas(h)).toBe(4)
    await h.run(period)
    expect(replicas(h)).toBe(6)
    expect(status(h)?.currentMetrics?.[1]?.external?.current).toEqual({ averageValue: '25250m' })
    expect(h.events()[0]).toBe(
      'SuccessfulRescale: New size: 4; reason: external metric queue(&LabelSelector{MatchLabels:map[string]string{of: jobs,},MatchExpressions:[]LabelSelectorRequirement{},}) above target',
    )
  })

  it('of which one is not known let a target grow, and never shrink', async () => {
    await using h = await start(...running('90m'))
    h.client.react('list', 'queue', () => ({ metadata: {}, items: [] }))
    h.client.seed(autoscaler({ metrics: [queue, cpu(50)] }))
    await h.run()
    const cause =
      'unable to get external metric default/queue/&LabelSelector{MatchLabels:map[string]string{of: jobs,},MatchExpressions:[]LabelSelectorRequirement{},}: no metrics returned from external metrics API'
    expect([replicas(h), h.events()[0]]).toEqual([4, `FailedGetExternalMetric: ${cause}`])
    use(h, '0')
    await h.run(400_000)
    expect(replicas(h)).toBe(4)
    expect(conditions(h)?.[1]).toBe(
      `ScalingActive False FailedGetExternalMetric: the HPA was unable to compute the replica count: ${cause}`,
    )
    expect(h.events()).toContain(
      `FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 2), first error is: failed to get queue external metric value: failed to get queue external metric: ${cause}`,
    )
  })

  const hits: MetricSpec = {
    type: 'Pods',
    pods: { metric: { name: 'hits' }, target: { type: 'AverageValue', averageValue: '10' } },
  }
  it('of pods come from the custom metrics API, in whichever version there is', async () => {
    await using h = await start(...running('0'))
    const asked: unknown[] = []
    h.client.react('get', 'pods', ({ name, subresource, options }) => {
      asked.push([name, subresource, (options as { query?: unknown }).query])
      if (asked.length === 1) throw statusFailure(404, 'NotFound', 'the server could not find the requested resource')
      return {
        items: [
          { describedObject: { name: 'p0' }, timestamp: '2026-01-01T00:00:00Z', value: '20' },
          { describedObject: { name: 'p1' }, timestamp: '2026-01-01T00:00:00Z', value: '10' },
        ],
      }
    })
    h.client.seed(autoscaler({ metrics: [hits] }))
    await h.run()
    expect(asked[1]).toEqual(['*', 'hits', { labelSelector: 'app=web' }])
    expect([replicas(h), status(h)?.currentMetrics?.[0]?.pods?.current]).toEqual([3, { averageValue: '15' }])
  })

  it('of an object are a value for all of the target', async () => {
    const metric: MetricSpec = {
      type: 'Object',
      object: {
        describedObject: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'door' },
        metric: { name: 'hits', selector: { matchLabels: { code: '200' } } },
        target: { type: 'Value', value: '10' },
      },
    }
    await using h = await start(...running('0'))
    h.client.react('get', 'ingresses.networking.k8s.io', ({ name, subresource, options }) => {
      expect([name, subresource, options]).toEqual([
        'door',
        'hits',
        { subresource: 'hits', query: { metricLabelSelector: 'code=200' } },
      ])
      return { items: [{ value: '25' }] }
    })
    h.client.seed(autoscaler({ metrics: [metric] }))
    await h.run()
    expect(replicas(h)).toBe(4)
    await h.run(period)
    expect(replicas(h)).toBe(5)
    expect(h.events()[0]).toBe('SuccessfulRescale: New size: 4; reason: Ingress metric hits above target')
  })

  it('of one’s own are told of where nobody serves them', async () => {
    await using h = await start(...running('0'))
    h.client.react('get', 'pods', () => {
      throw statusFailure(404, 'NotFound', 'the server could not find the requested resource')
    })
    h.client.seed(autoscaler({ metrics: [hits] }))
    await h.run()
    expect(h.events()[0]).toBe(
      'FailedGetPodsMetric: unable to get metric hits: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered',
    )
  })
})
