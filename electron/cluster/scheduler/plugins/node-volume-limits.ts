import { storageClassOf } from '#shared/kube/storage.ts'
import type { ClusterState } from '../cluster-state.ts'
import type { PodInfo } from '../pod-info.ts'
import { rejected, type Plugin } from './api.ts'
import { claimNames } from './volume-claims.ts'

const rejection = rejected('node(s) exceed max volume count')

/** The volumes of CSI drivers that a pod needs attached: unique name → driver. */
function attachedBy({ pod, namespace }: PodInfo, { surroundings }: ClusterState): Map<string, string> {
  const attached = new Map<string, string>()
  for (const { name } of claimNames(pod)) {
    const claim = surroundings.claim(namespace, name)
    if (!claim) continue
    const volume = claim.spec?.volumeName ? surroundings.volume(claim.spec.volumeName) : undefined
    if (volume) {
      const csi = volume.spec?.csi
      if (csi) attached.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver)
      continue
    }
    // Not provisioned yet: it will be one of its class's driver.
    const driver = surroundings.storageClass(storageClassOf(claim))?.provisioner
    if (driver) attached.set(`${driver}/${namespace}/${name}`, driver)
  }
  return attached
}

/** No more volumes of a CSI driver on a node than the driver says that it can attach there. */
export const nodeVolumeLimits: Plugin = {
  name: 'NodeVolumeLimits',
  filter(pod, state) {
    const wanted = attachedBy(pod, state)
    if (!wanted.size) return undefined
    return {
      fits({ name, pods }) {
        const drivers = state.surroundings.csiNode(name)?.spec.drivers ?? []
        const limits = new Map(drivers.map((driver) => [driver.name, driver.allocatable?.count]))
        if (![...wanted.values()].some((driver) => limits.get(driver) !== undefined)) return true
        const present = new Map<string, string>()
        for (const there of pods.values())
          for (const [volume, driver] of attachedBy(there, state)) present.set(volume, driver)
        const counts = new Map<string, number>()
        const count = (driver: string) => counts.set(driver, (counts.get(driver) ?? 0) + 1)
        for (const driver of present.values()) count(driver)
        const more = [...wanted].filter(([volume]) => !present.has(volume))
        for (const [, driver] of more) count(driver)
        return more.every(([, driver]) => counts.get(driver)! <= (limits.get(driver) ?? Infinity))
      },
      why: () => rejection,
    }
  },
  mayHelp: (event) =>
    event.kind === 'CSI node changed' ||
    event.kind === 'claim changed' ||
    event.kind === 'node added' ||
    (event.kind === 'pod gone' && claimNames(event.pod.pod).length > 0),
}
