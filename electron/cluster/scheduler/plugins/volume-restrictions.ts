import type { Volume as PodVolume } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { ClusterState } from '../cluster-state.ts'
import type { NodeInfo } from '../node-info.ts'
import type { PodInfo } from '../pod-info.ts'
import { Refusal, rejected, type Filter, type Plugin, type Rejection } from './api.ts'
import { claimNames, notFoundText } from './volume-claims.ts'

const diskTaken = rejected('node(s) had no available disk')
const claimTaken = rejected(
  'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode',
)

type Disk = Frozen<PodVolume>

const isDisk = (volume: Disk): boolean =>
  !!(volume.gcePersistentDisk ?? volume.awsElasticBlockStore ?? volume.iscsi ?? volume.rbd)

/** Whether two pods cannot have these on one node: the same disk, and not both only to read. */
function conflicts(a: Disk, b: Disk): boolean {
  if (a.gcePersistentDisk && b.gcePersistentDisk)
    return (
      a.gcePersistentDisk.pdName === b.gcePersistentDisk.pdName &&
      !(a.gcePersistentDisk.readOnly && b.gcePersistentDisk.readOnly)
    )
  if (a.awsElasticBlockStore && b.awsElasticBlockStore)
    return a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore.volumeID
  if (a.iscsi && b.iscsi) return a.iscsi.iqn === b.iscsi.iqn && !(a.iscsi.readOnly && b.iscsi.readOnly)
  if (a.rbd && b.rbd) {
    const { monitors, pool = 'rbd', image } = b.rbd
    return (
      a.rbd.monitors.some((monitor) => monitors.includes(monitor)) &&
      (a.rbd.pool ?? 'rbd') === pool &&
      a.rbd.image === image &&
      !(a.rbd.readOnly && b.rbd.readOnly)
    )
  }
  return false
}

const disksOf = ({ pod }: PodInfo): readonly Disk[] => (pod.spec?.volumes ?? []).filter(isDisk)

class Restrictions implements Filter {
  readonly shared = true
  readonly #namespace: string
  readonly #disks: readonly Disk[]
  readonly #exclusive: ReadonlySet<string>
  /** Pods, anywhere, that have one of the claims that only one pod may have. */
  #users = 0

  constructor(pod: PodInfo, exclusive: ReadonlySet<string>, state: ClusterState) {
    this.#namespace = pod.namespace
    this.#disks = disksOf(pod)
    this.#exclusive = exclusive
    if (exclusive.size) for (const [existing, node] of state.podsIn(pod.namespace)) this.moved(existing, node, 1)
  }

  fits(node: NodeInfo): boolean {
    return this.#users === 0 && !this.#conflicts(node)
  }

  why(node: NodeInfo): Rejection {
    return this.#conflicts(node) ? diskTaken : claimTaken
  }

  moved(pod: PodInfo, _node: NodeInfo, sign: 1 | -1): void {
    if (!this.#exclusive.size || pod.namespace !== this.#namespace) return
    for (const { name } of claimNames(pod.pod)) if (this.#exclusive.has(name)) this.#users += sign
  }

  #conflicts({ pods }: NodeInfo): boolean {
    if (!this.#disks.length) return false
    for (const pod of pods.values())
      if (disksOf(pod).some((theirs) => this.#disks.some((ours) => conflicts(ours, theirs)))) return true
    return false
  }
}

/** Disks that one node can have once, and claims that one pod can have once. */
export const volumeRestrictions: Plugin = {
  name: 'VolumeRestrictions',
  filter(pod, state) {
    const exclusive = new Set<string>()
    for (const { name, ephemeral } of claimNames(pod.pod)) {
      if (ephemeral) continue
      const claim = state.surroundings.claim(pod.namespace, name)
      if (!claim) return new Refusal(notFoundText(name))
      if (claim.spec?.accessModes?.includes('ReadWriteOncePod')) exclusive.add(name)
    }
    return exclusive.size || disksOf(pod).length ? new Restrictions(pod, exclusive, state) : undefined
  },
  mayHelp(event, pod) {
    if (event.kind === 'pod gone') {
      const theirs = new Set(claimNames(event.pod.pod).map(({ name }) => name))
      return (
        (event.pod.namespace === pod.namespace && claimNames(pod.pod).some(({ name }) => theirs.has(name))) ||
        disksOf(event.pod).some((freed) => disksOf(pod).some((wanted) => conflicts(freed, wanted)))
      )
    }
    if (event.kind === 'claim changed')
      return (
        event.claim.metadata?.namespace === pod.namespace &&
        claimNames(pod.pod).some(({ name }) => name === event.claim.metadata?.name)
      )
    return event.kind === 'node added'
  },
}
