import { toleratesTaint, type DeviceResult, type DeviceTaint } from '#shared/kube/devices.ts'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { pods } from '#shared/kube/resources.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, nothing, objectKey, patch, remove, type Decision } from '../framework/action.ts'
import { disruptionTarget, type PodView } from '../framework/support/pods.ts'

export interface Observed {
  readonly pod: PodView
  /** The devices that the pod uses, each with the taints that are published of it. */
  readonly devices: readonly TaintedDevice[]
  /** An eviction had been announced for later. */
  readonly wasDue: boolean
}

export interface TaintedDevice {
  readonly result: Frozen<DeviceResult>
  readonly taints: readonly Frozen<DeviceTaint>[]
}

/** When a pod with these devices is to go, in milliseconds since the epoch; Infinity: never. Source: claimEvictionTime. */
export function evictionTime(devices: readonly TaintedDevice[]): number {
  const times = devices.flatMap(({ result: { tolerations = [] }, taints }) =>
    taints
      .filter(({ effect }) => effect === 'NoExecute')
      .map((taint) => {
        const applying = tolerations.filter((each) => each.effect === 'NoExecute' && toleratesTaint(each, taint))
        const since = Date.parse(taint.timeAdded ?? '') || 0
        if (!applying.length) return since
        const seconds = applying.map(({ tolerationSeconds }) => tolerationSeconds)
        // One that tolerates for ever is enough.
        if (seconds.includes(undefined)) return Infinity
        return since + Math.min(...seconds.map((each) => Math.max(0, Number(each)))) * 1000
      }),
  )
  return Math.min(Infinity, ...times)
}

/** Deletes a pod whose devices have taints for longer than its claims tolerate. */
export function reconcile({ pod, devices, wasDue }: Observed, now: number): Decision {
  if (pod.metadata?.deletionTimestamp || !pod.spec?.nodeName) return nothing
  const about = referenceTo(pods, pod)
  const left = evictionTime(devices) - now
  if (left === Infinity)
    return wasDue ? { steps: [event(about, 'Normal', 'DeviceTaintManagerEviction', 'Cancelling deletion')] } : nothing
  if (left > 0) return { steps: [], requeueAfter: left }
  const { uid } = pod.metadata ?? {}
  const tolerate = (error: { code: number }) => error.code === 404
  const message = 'Device Taint manager: deleting due to NoExecute taint'
  const condition = disruptionTarget(pod, { status: 'True', reason: 'DeletionByDeviceTaintManager', message }, now)
  const body = { metadata: { uid }, status: { conditions: [condition] } }
  return {
    steps: [
      event(about, 'Normal', 'DeviceTaintManagerEviction', 'Marking for deletion'),
      patch(pods, objectKey(pod as KubeObject), 'strategic', body, { subresource: 'status', tolerate }),
      remove(pods, pod as KubeObject, { options: { preconditions: { uid } }, tolerate }),
    ],
  }
}
