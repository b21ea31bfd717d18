import { createHash } from 'node:crypto'
import type { CSIDriver, VolumeAttachment } from 'kubernetes-types/storage/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import type { Claim, Volume } from '#shared/kube/storage.ts'
import { claimKeysOf } from '../framework/support/claims.ts'
import { isControlledBy } from '../framework/support/owner-references.ts'
import { isPodTerminal, type PodView } from '../framework/support/pods.ts'

export type AttachmentView = Frozen<VolumeAttachment>

/** A volume that pods of a node need attached. */
export interface Needed {
  readonly volume: Volume
  readonly driver: string
  readonly handle: string
  readonly pods: readonly PodView[]
}

export interface Lookups {
  readonly claim: (key: string) => Claim | undefined
  readonly volume: (name: string) => Volume | undefined
  readonly driver: (name: string) => Frozen<CSIDriver> | undefined
}

/** Source: getAttachmentName, pkg/volume/csi/csi_attacher.go. */
export const attachmentName = (handle: string, driver: string, node: string): string =>
  `csi-${createHash('sha256').update(`${handle}${driver}${node}`).digest('hex')}`

/** Others may make attachments under other names, and then see to them. */
export const isOurs = ({ metadata }: AttachmentView): boolean => /^csi-[0-9a-f]{64}$/.test(metadata?.name ?? '')

/** How a node names a volume in its status. */
export const nameOnNode = (driver: string, handle: string): string => `kubernetes.io/csi/${driver}^${handle}`

/** By name of the volume: what the pods need that are to run here and have not ended. */
export function neededVolumes(pods: readonly PodView[], lookups: Lookups): ReadonlyMap<string, Needed> {
  const needed = new Map<string, Needed & { pods: PodView[] }>()
  for (const pod of pods.filter((each) => !hasEnded(each)))
    for (const volume of volumesOf(pod, lookups)) {
      const { driver, volumeHandle: handle } = volume.spec?.csi ?? {}
      if (!driver || !handle || lookups.driver(driver)?.spec.attachRequired === false) continue
      const name = volume.metadata?.name ?? ''
      const known = needed.get(name)
      if (known) known.pods.push(pod)
      else needed.set(name, { volume, driver, handle, pods: [pod] })
    }
  return needed
}

/** The bound volumes of a pod. */
function volumesOf(pod: PodView, { claim: claimOf, volume: volumeOf }: Lookups): Volume[] {
  const own = (pod.spec?.volumes ?? []).filter(({ ephemeral }) => ephemeral).map(({ name }) => name)
  return claimKeysOf(pod).flatMap((key) => {
    const claim = claimOf(key)
    const volume = claim?.spec?.volumeName ? volumeOf(claim.spec.volumeName) : undefined
    if (!claim || !volume || volume.spec?.claimRef?.uid !== claim.metadata?.uid) return []
    const isOwn = own.some((name) => key.endsWith(`/${pod.metadata?.name}-${name}`))
    return isOwn && !isControlledBy(claim as KubeObject, pod as KubeObject) ? [] : [volume]
  })
}

/** Source: IsPodTerminated, pkg/volume/util. */
function hasEnded(pod: PodView): boolean {
  const runs = (pod.status?.containerStatuses ?? []).some(({ state }) => !state?.terminated && !state?.waiting)
  return isPodTerminal(pod) || (pod.metadata?.deletionTimestamp !== undefined && !runs)
}

/** Whether a volume may be on one node only. Source: isMultiAttachForbidden. */
export function isExclusive({ spec }: Volume): boolean {
  const modes = spec?.accessModes ?? []
  return modes.length > 0 && !modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')
}
