import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { horizontalPodAutoscalers, pods } from '#shared/kube/resources.ts'
import { StatusError } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import type { TraceRef } from '../../base/trace.ts'
import type { Discovery, KubeClient } from '../../client/api.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { reads, watch, type Controller } from '../framework/controller.ts'
import { equal } from '../framework/support/equality.ts'
import { noHistory, type History } from './history.ts'
import { read } from './readings.ts'
import { asksMetrics, reconcile, type Observed } from './reconcile.ts'
import { select, Selectors } from './selectors.ts'
import { syncPeriod } from './settings.ts'
import { findTarget, type Target } from './target.ts'
import type { Autoscaler } from './types.ts'

export interface AutoscalerDeps {
  readonly informers: InformerFactory
  readonly client: KubeClient
  readonly discovery: Discovery
  readonly clock: Clock
}

/**
 * Looks at each autoscaler every 15 seconds by itself, and at once when it is made or asks for something else. Upstream
 * waits 15 seconds before the first look, too.
 */
export function horizontalPodAutoscaler(deps: AutoscalerDeps): Controller {
  const { clock } = deps
  const autoscalers = deps.informers.for(horizontalPodAutoscalers)
  const allPods = deps.informers.for(pods)
  const histories = new Map<string, History>()
  const selectors = new Selectors()
  const forget = (key: string): void => {
    histories.delete(key)
    selectors.forget(key)
  }

  const metricsOf = async (key: string, autoscaler: Autoscaler, target: Target): Promise<Observed['metrics']> => {
    if (!asksMetrics(autoscaler, target)) return undefined
    const selection = select(key, target.scale.status?.selector ?? '', selectors, (namespace) =>
      allPods.lister.list(namespace),
    )
    if ('event' in selection) return { selection, readings: [] }
    const place = { ...deps, namespace: autoscaler.metadata?.namespace ?? '', selector: selection.selector }
    const metrics = autoscaler.spec?.metrics ?? []
    return { selection, readings: await Promise.all(metrics.map((metric) => read(metric, place))) }
  }

  return {
    name: 'horizontal-pod-autoscaler',
    workers: 5,
    writesTo: [autoscalers],
    watches: [
      watch(autoscalers, (object, old) =>
        old && equal(object.spec, old.spec) && object.metadata?.uid === old.metadata?.uid
          ? []
          : [keyOf(object as KubeObject)],
      ),
      reads(allPods),
    ],
    async sync(key, { now, decide }) {
      const autoscaler = autoscalers.lister.get(key)
      if (!autoscaler) return forget(key)
      const target = await findTarget(deps, autoscaler)
      const metrics = 'failure' in target ? undefined : await metricsOf(key, autoscaler, target)
      const history = histories.get(key) ?? noHistory
      const outcome = reconcile({ autoscaler, target, metrics, history, uptime: clock.monotonic() }, now)
      histories.set(key, outcome.history)
      try {
        await decide(outcome.decision, referenceTo(horizontalPodAutoscalers, autoscaler) as TraceRef)
        histories.set(key, outcome.afterwards)
      } catch (error) {
        // Its events and conditions tell; trying again sooner than usual is what upstream avoids.
        if (!(error instanceof StatusError)) throw error
      }
      return { requeueAfter: syncPeriod }
    },
  }
}
