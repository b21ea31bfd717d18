import type { AttachedVolume, Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { nodes, pods as podType, volumeAttachments } from '#shared/kube/resources.ts'
import { isAlreadyExists, isNotFound } from '#shared/kube/status.ts'
import { attachedByController, type Volume } from '#shared/kube/storage.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { create, event, objectKey, patch, remove, type Decision, type Step } from '../framework/action.ts'
import { findCondition } from '../framework/support/conditions.ts'
import { equal } from '../framework/support/equality.ts'
import type { PodView } from '../framework/support/pods.ts'
import { attachmentName, isExclusive, nameOnNode, type AttachmentView, type Needed } from './volumes.ts'

export interface Observed {
  readonly nodeName: string
  /** Undefined when it is gone. */
  readonly node: Frozen<Node> | undefined
  readonly needed: ReadonlyMap<string, Needed>
  /** The attachments of the node. */
  readonly attachments: readonly AttachmentView[]
  readonly volume: (name: string) => Volume | undefined
  /** Attachments of a volume to other nodes. */
  readonly elsewhere: (volume: string) => readonly AttachmentView[]
  /** Who uses a volume on another node. */
  readonly users: (volume: string, node: string) => readonly PodView[]
  /** Since when (milliseconds since the epoch) nobody needs an attachment. */
  readonly unneededSince: (attachment: string) => number
  /** What was told last, and is not told twice in a row. */
  readonly told: ReadonlySet<string>
}

export interface Outcome extends Decision {
  readonly told: ReadonlySet<string>
}

/** Upstream's, in milliseconds: until a driver counts as absent; until a silent node's mounts no longer count. */
const attachTimeout = 120_000
const unmountTimeout = 360_000
const outOfService = 'node.kubernetes.io/out-of-service'

/**
 * One node: detaches before it attaches, and takes a volume off the node's status before it is detached. Source:
 * pkg/controller/volume/attachdetach/reconciler.
 */
export function reconcile(observed: Observed, now: number): Outcome {
  const { node, needed, attachments } = observed
  const told = new Set<string>()
  if (node && node.metadata?.annotations?.[attachedByController] !== 'true') return { steps: [], told }
  const waits: number[] = []
  const unneeded = attachments.filter((each) => !needed.has(volumeOf(each)) && !each.metadata?.deletionTimestamp)
  const leaving = unneeded.filter((each) => {
    const wait = detachIn(each, observed, now)
    if (wait > 0 && wait < Infinity) waits.push(wait)
    return wait <= 0
  })
  const attached = attachments.filter((each) => each.status?.attached && !each.metadata?.deletionTimestamp)
  const steps: Step[] = node
    ? statusSteps(
        node,
        attached.filter((each) => !leaving.includes(each)),
        observed,
      )
    : []
  steps.push(...leaving.map(detach))
  const tell = (pod: PodView, message: string) => {
    const key = `${pod.metadata?.uid} ${message}`
    told.add(key)
    if (!observed.told.has(key)) steps.push(event(referenceTo(podType, pod), 'Warning', 'FailedAttachVolume', message))
  }
  if (node)
    for (const [name, need] of needed) {
      const current = attachments.find((each) => volumeOf(each) === name)
      if (!current) steps.push(...attach(name, need, observed, tell))
      else {
        const wait = complain(current, name, need, now, tell)
        if (wait > 0) waits.push(wait)
      }
    }
  return { steps, told, ...(waits.length ? { requeueAfter: Math.min(...waits) } : {}) }
}

export const volumeOf = ({ spec }: AttachmentView): string => spec.source.persistentVolumeName ?? ''

/** Milliseconds until it may be detached; Infinity while the node has it in use. */
function detachIn(attachment: AttachmentView, { node, volume, unneededSince }: Observed, now: number): number {
  const { csi } = volume(volumeOf(attachment))?.spec ?? {}
  const inUse = !node || !csi || node.status?.volumesInUse?.includes(nameOnNode(csi.driver, csi.volumeHandle))
  // A node that is there has unmounted what it does not list; of one that is gone nobody knows.
  if (node && (!csi || !inUse)) return 0
  if (node?.spec?.taints?.some(({ key }) => key === outOfService)) return 0
  const isWell = node !== undefined && findCondition(node.status?.conditions, 'Ready')?.status === 'True'
  const left = unneededSince(attachment.metadata?.name ?? '') + unmountTimeout - now
  return isWell ? Infinity : Math.max(0, left)
}

const detach = (attachment: AttachmentView): Step =>
  remove(volumeAttachments, attachment, {
    options: { preconditions: { uid: attachment.metadata?.uid } },
    tolerate: isNotFound,
  })

/** What is attached is told to the node; and to the pods that waited for it. */
function statusSteps(node: Frozen<Node>, attached: readonly AttachmentView[], { needed, volume }: Observed): Step[] {
  const before = node.status?.volumesAttached ?? []
  const volumesAttached = attached.flatMap((each): AttachedVolume[] => {
    const { csi } = volume(volumeOf(each))?.spec ?? {}
    return csi ? [{ name: nameOnNode(csi.driver, csi.volumeHandle), devicePath: '' }] : []
  })
  const byName = (list: readonly Frozen<AttachedVolume>[]) => list.map(({ name }) => name).sort()
  if (equal(byName(before), byName(volumesAttached))) return []
  const fresh = [...needed].filter(([, { driver, handle }]) => {
    const has = (list: readonly Frozen<AttachedVolume>[]) =>
      list.some(({ name }) => name === nameOnNode(driver, handle))
    return has(volumesAttached) && !has(before)
  })
  const events = fresh.flatMap(([name, { pods }]) =>
    pods.map((pod) => {
      const message = `AttachVolume.Attach succeeded for volume ${JSON.stringify(name)} `
      return event(referenceTo(podType, pod), 'Normal', 'SuccessfulAttachVolume', message)
    }),
  )
  const body = { metadata: { uid: node.metadata?.uid }, status: { volumesAttached } }
  return [patch(nodes, objectKey(node), 'merge', body, { subresource: 'status' }), ...events]
}

type Tell = (pod: PodView, message: string) => void

function attach(name: string, need: Needed, { nodeName, elsewhere, users }: Observed, tell: Tell): Step[] {
  const { volume, driver, handle, pods } = need
  const others = isExclusive(volume) ? elsewhere(name) : []
  if (others.length) {
    const rivals = others.flatMap(({ spec }) => users(name, spec.nodeName))
    for (const pod of pods) tell(pod, `Multi-Attach error for volume ${JSON.stringify(name)} ${rivalry(pod, rivals)}`)
    return []
  }
  const attachment: AttachmentView = {
    metadata: { name: attachmentName(handle, driver, nodeName) },
    spec: { attacher: driver, nodeName, source: { persistentVolumeName: name } },
  }
  return [create(volumeAttachments, attachment, { tolerate: isAlreadyExists })]
}

/** Source: reportMultiAttachError. */
function rivalry(pod: PodView, rivals: readonly PodView[]): string {
  if (!rivals.length) return "Volume is already exclusively attached to one node and can't be attached to another"
  const near = rivals.filter(({ metadata }) => metadata?.namespace === pod.metadata?.namespace)
  const far = rivals.length - near.length
  const elsewhere = `${far} pod(s) in different namespaces`
  if (!near.length) return `Volume is already used by ${elsewhere}`
  const named = `Volume is already used by pod(s) ${near.map(({ metadata }) => metadata?.name).join(', ')}`
  return far ? `${named} and ${elsewhere}` : named
}

/** Says why an attachment is not there yet. Milliseconds until there is something to say, 0 for no need to look again. */
function complain(
  current: AttachmentView,
  name: string,
  { driver, handle, pods }: Needed,
  now: number,
  tell: Tell,
): number {
  const { attached, attachError } = current.status ?? {}
  if (attached || current.metadata?.deletionTimestamp) return 0
  const left = Date.parse(current.metadata?.creationTimestamp ?? '') + attachTimeout - now
  if (!attachError && left > 0) return left
  const reason =
    attachError?.message ?? `timed out waiting for external-attacher of ${driver} CSI driver to attach volume ${handle}`
  for (const pod of pods) tell(pod, `AttachVolume.Attach failed for volume ${JSON.stringify(name)} : ${reason}`)
  return 0
}
