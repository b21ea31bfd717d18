import { daemonSets } from '#shared/kube/resources.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, type EventAction } from '../framework/action.ts'
import { isPodAvailable, isPodReady, type PodView } from '../framework/support/pods.ts'
import { surges } from './limits.ts'
import type { SetView } from './nodes.ts'
import type { Place, Placement } from './placement.ts'
import { bySeniority, hashLabel } from './pod.ts'

export interface Changes {
  /** Nodes that are to have one pod more. */
  readonly create: readonly string[]
  readonly remove: readonly PodView[]
}

export interface Managed extends Changes {
  readonly events: readonly EventAction[]
  /** Nodes whose failed pod is deleted now. */
  readonly failed: readonly string[]
  /** Milliseconds until a failed pod may be deleted that must stay for now. */
  readonly waits: readonly number[]
}

/**
 * One pod on each node that is to have one, none elsewhere. Where pods fail at once (a kubelet may refuse them over and
 * over), they are replaced ever more slowly: `backoff` tells how long one still has to stay.
 * Source: podsShouldBeOnNode, pkg/controller/daemon/daemon_controller.go.
 */
export function manage(placement: Placement, backoff: (node: string) => number, now: number): Managed {
  const create: string[] = []
  const remove: PodView[] = []
  const events: EventAction[] = []
  const failed: string[] = []
  const waits: number[] = []
  const { set, places } = placement

  for (const place of places) {
    const { node, fitness, pods } = place
    if (!fitness.stay) remove.push(...pods.filter((pod) => !pod.metadata?.deletionTimestamp))
    else if (fitness.run && !pods.length) create.push(node)
    else if (pods.length) {
      const running: PodView[] = []
      for (const pod of pods) {
        if (pod.metadata?.deletionTimestamp) continue
        if (pod.status?.phase === 'Failed') {
          const left = backoff(node)
          if (left > 0) {
            waits.push(left)
            continue
          }
          failed.push(node)
          events.push(ended(set, pod, node))
          remove.push(pod)
        } else if (pod.status?.phase === 'Succeeded') {
          events.push(ended(set, pod, node))
          remove.push(pod)
        } else running.push(pod)
      }
      running.sort(bySeniority)
      if (!surges(set)) remove.push(...running.slice(1))
      else if (running.length > 1) remove.push(...superfluous(placement, running, now))
      else if (!running.length && fitness.run) create.push(node)
    }
  }
  return { create, remove: [...remove, ...placement.strays], events, failed, waits }
}

/**
 * While surging a node may have two pods: the oldest of the old template, as long as it is ready, and the oldest of the
 * new one, as long as it is not available.
 */
function superfluous({ set, hash }: Placement, running: readonly PodView[], now: number): readonly PodView[] {
  const isNew = (pod: PodView) => pod.metadata?.labels?.[hashLabel] === hash
  const newest = running.find(isNew)
  const old = running.find((pod) => !isNew(pod))
  const extra = running.filter((pod) => pod !== newest && pod !== old)
  if (!newest || !old) return extra
  const isReplaced = !isPodReady(old) || isPodAvailable(newest, set.spec?.minReadySeconds ?? 0, now)
  return isReplaced ? [...extra, old] : extra
}

function ended(set: SetView, { metadata, status }: PodView, node: Place['node']): EventAction {
  const about = referenceTo(daemonSets, set)
  const where = `daemon pod ${metadata?.namespace}/${metadata?.name} on node ${node}`
  return status?.phase === 'Failed'
    ? event(about, 'Warning', 'FailedDaemonPod', `Found failed ${where}, will try to kill it`)
    : event(about, 'Normal', 'SucceededDaemonPod', `Found succeeded ${where}, will try to delete it`)
}
