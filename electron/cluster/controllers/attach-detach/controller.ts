import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import {
  csiDrivers,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  volumeAttachments,
} from '#shared/kube/resources.ts'
import type { Clock } from '../../base/clock.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { claimKeysOf, podsOfClaim } from '../framework/support/claims.ts'
import { equal } from '../framework/support/equality.ts'
import { podsOfNode } from '../framework/support/node-pods.ts'
import type { PodView } from '../framework/support/pods.ts'
import { reconcile, volumeOf } from './reconcile.ts'
import { isOurs, neededVolumes, type AttachmentView, type Lookups } from './volumes.ts'

/** Attaches volumes to the nodes of the pods that need them, node by node. */
export function attachDetachController({ informers, clock }: { informers: InformerFactory; clock: Clock }): Controller {
  const podInformer = informers.for(pods)
  const claims = informers.for(persistentVolumeClaims)
  const volumes = informers.for(persistentVolumes)
  const all = informers.for(nodes)
  const drivers = informers.for(csiDrivers)
  const attachments = informers.for(volumeAttachments)
  const onNode = podsOfNode(podInformer)
  const byClaim = podsOfClaim(podInformer)
  const byNode = attachments.index('node', (each) => (isOurs(each) ? [each.spec.nodeName] : []))
  const byVolume = attachments.index('volume', (attachment) => [volumeOf(attachment)])
  /** Since when attachments are not needed, and what was said of a node last. */
  const unneeded = new Map<string, number>()
  const said = new Map<string, ReadonlySet<string>>()

  const lookups: Lookups = {
    claim: (key) => claims.lister.get(key),
    volume: (name) => volumes.lister.get(name),
    driver: (name) => drivers.lister.get(name),
  }
  const nodesOf = (users: readonly PodView[]) => users.flatMap(({ spec }) => spec?.nodeName ?? [])
  const nodesOfClaim = (key: string) => nodesOf(byClaim.get(key))
  const usersOf = (volume: string): readonly PodView[] => {
    const { namespace, name } = volumes.lister.get(volume)?.spec?.claimRef ?? {}
    return name ? byClaim.get(`${namespace}/${name}`) : []
  }
  const nodesOfVolume = (name: string) => nodesOf(usersOf(name))
  // Who waits for a volume that was elsewhere has to be told, too.
  const nodesOfAttachment = (attachment: AttachmentView) => [
    attachment.spec.nodeName,
    ...nodesOfVolume(volumeOf(attachment)),
  ]

  return decider({
    name: 'attachdetach-controller',
    workers: 5,
    writesTo: [attachments, all],
    watches: [
      watch(podInformer, (pod, old) => {
        const isSame =
          old &&
          old.spec?.nodeName === pod.spec?.nodeName &&
          old.status?.phase === pod.status?.phase &&
          old.metadata?.deletionTimestamp === pod.metadata?.deletionTimestamp &&
          (!pod.metadata?.deletionTimestamp || equal(old.status?.containerStatuses, pod.status?.containerStatuses))
        return isSame || !claimKeysOf(pod).length ? [] : nodesOf([pod])
      }),
      watch(claims, (claim, old) =>
        old && old.spec?.volumeName === claim.spec?.volumeName ? [] : nodesOfClaim(keyOf(claim as KubeObject)),
      ),
      watch(volumes, (volume, old) =>
        old && equal(old.spec?.claimRef, volume.spec?.claimRef) ? [] : nodesOfVolume(volume.metadata?.name ?? ''),
      ),
      watch(drivers, (driver, old) => {
        if (old && old.spec.attachRequired === driver.spec.attachRequired) return []
        const named = volumes.lister.list().filter(({ spec }) => spec?.csi?.driver === driver.metadata?.name)
        return named.flatMap(({ metadata }) => nodesOfVolume(metadata?.name ?? ''))
      }),
      watch(attachments, (attachment) => nodesOfAttachment(attachment), {
        onDelete: ({ metadata }) => unneeded.delete(metadata?.name ?? ''),
      }),
      watch(all, (node, old) => {
        const name = node.metadata?.name ?? ''
        if (!all.lister.get(name)) said.delete(name)
        const bears = ({ metadata, status, spec }: typeof node) => [
          metadata?.annotations,
          status?.volumesInUse,
          status?.volumesAttached,
          status?.conditions?.find(({ type }) => type === 'Ready')?.status,
          spec?.taints,
        ]
        return old && equal(bears(old), bears(node)) ? [] : [name]
      }),
    ],
    observe(nodeName) {
      const mine = byNode.get(nodeName)
      const users = onNode.get(nodeName)
      const needed = neededVolumes(users, lookups)
      for (const { metadata, spec } of mine) {
        const name = metadata?.name ?? ''
        if (needed.has(spec.source.persistentVolumeName ?? '')) unneeded.delete(name)
        else if (!unneeded.has(name)) unneeded.set(name, clock.monotonic())
      }
      // The time of day may have been set since.
      const offset = clock.now() - clock.monotonic()
      return {
        nodeName,
        node: all.lister.get(nodeName),
        needed,
        attachments: mine,
        volume: lookups.volume,
        elsewhere: (volume: string) => byVolume.get(volume).filter(({ spec }) => spec.nodeName !== nodeName),
        users: (volume: string, node: string) => usersOf(volume).filter(({ spec }) => spec?.nodeName === node),
        unneededSince: (attachment: string) => (unneeded.get(attachment) ?? clock.monotonic()) + offset,
        told: said.get(nodeName) ?? new Set<string>(),
      }
    },
    reconcile(observed, now) {
      const outcome = reconcile(observed, now)
      if (outcome.told.size) said.set(observed.nodeName, outcome.told)
      else said.delete(observed.nodeName)
      return outcome
    },
  })
}
