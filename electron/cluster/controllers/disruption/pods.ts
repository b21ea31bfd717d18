import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { podDisruptionBudgets, pods } from '#shared/kube/resources.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { event, updateStatus, type Decision, type Step } from '../framework/action.ts'
import { decider, reads, watch, type Controller } from '../framework/controller.ts'
import { equal } from '../framework/support/equality.ts'
import { disruptionTarget, isPodTerminal, podCondition, type PodView } from '../framework/support/pods.ts'
import { budgetsOfPod, type BudgetView } from './budgets.ts'

/** A disruption that was announced and has not come within so many milliseconds will not come. */
const staleAfter = 120_000

/** Looks after what disruptions leave on pods. Keys are pods. */
export function disruptedPodController({ informers }: { informers: InformerFactory }): Controller {
  const all = informers.for(pods)
  const budgets = informers.for(podDisruptionBudgets)
  const budgetsOf = budgetsOfPod(budgets)
  /** Pods to tell of their several budgets. */
  const shared = new Set<string>()
  return decider({
    name: 'disruption-controller',
    eventSource: 'controllermanager',
    workers: 2,
    writesTo: [all],
    watches: [
      reads(budgets),
      watch(all, (pod, old) => {
        const key = keyOf(pod as KubeObject)
        const isNew = !old || !equal(old.metadata?.labels, pod.metadata?.labels)
        if (isNew && budgetsOf(pod).length > 1) shared.add(key)
        return shared.has(key) || isAnnounced(pod) ? [key] : []
      }),
    ],
    observe(key) {
      const pod = all.lister.get(key)
      const tell = shared.delete(key)
      return pod && { pod, budgets: tell ? budgetsOf(pod) : [] }
    },
    reconcile,
  })
}

/** Kubelets announce long before they act, and pods that have ended need no truth. */
function isAnnounced(pod: PodView): boolean {
  const condition = podCondition(pod, 'DisruptionTarget')
  return (
    condition?.status === 'True' &&
    condition.reason !== 'TerminationByKubelet' &&
    !pod.metadata?.deletionTimestamp &&
    !isPodTerminal(pod)
  )
}

interface Observed {
  readonly pod: PodView
  /** Those to tell of; more than one, or none. */
  readonly budgets: readonly BudgetView[]
}

export function reconcile({ pod, budgets }: Observed, now: number): Decision {
  const steps: Step[] = []
  if (budgets.length > 1) {
    const [namespace, name, chosen] = [pod.metadata?.namespace, pod.metadata?.name, budgets[0]?.metadata?.name].map(
      (text) => JSON.stringify(text ?? ''),
    )
    const text = `Pod ${namespace}/${name} matches multiple PodDisruptionBudgets.  Chose ${chosen} arbitrarily.`
    steps.push(event(referenceTo(pods, pod), 'Warning', 'MultiplePodDisruptionBudgets', text))
  }
  if (!isAnnounced(pod)) return { steps }
  const { lastTransitionTime = '' } = podCondition(pod, 'DisruptionTarget')!
  const left = (Date.parse(lastTransitionTime) || 0) + staleAfter - now
  if (left > 0) return { steps, requeueAfter: left }
  const retracted = disruptionTarget(pod, { status: 'False' }, now)
  const conditions = (pod.status?.conditions ?? []).map((each) => (each.type === 'DisruptionTarget' ? retracted : each))
  return { steps: [...steps, updateStatus(pods, { ...pod, status: { ...pod.status, conditions } })] }
}
