import { deviceId, poolId, type ResourceClaim, type ResourceSlice } from '#shared/kube/devices.ts'
import { keyOf, type Frozen, type KubeObject } from '#shared/kube/object.ts'
import { claimNameOf, claimStatuses, isReservedFor, notForPod, podClaims } from '#shared/kube/pod-claims.ts'
import { pods, resourceClaims, resourceSlices } from '#shared/kube/resources.ts'
import type { Clock } from '../../base/clock.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { equal } from '../framework/support/equality.ts'
import type { PodView } from '../framework/support/pods.ts'
import { evictionTime, reconcile, type TaintedDevice } from './reconcile.ts'

/** Drives pods off devices that their drivers have tainted so. DeviceTaintRules are no part of v1.36's own gates. */
export function deviceTaintEvictionController({
  informers,
  clock,
}: {
  informers: InformerFactory
  clock: Clock
}): Controller {
  const podInformer = informers.for(pods)
  const claims = informers.for(resourceClaims)
  const slices = informers.for(resourceSlices)
  const byPool = slices.index('pool', ({ spec }) => [poolId(spec ?? {})])
  const byDevice = claims.index('device', ({ status }) => [
    ...new Set((status?.allocation?.devices?.results ?? []).map(deviceId)),
  ])
  /** Pods that are to go at some time, by uid. */
  const due = new Set<string>()

  const usersOf = ({ metadata, status }: Frozen<ResourceClaim>): string[] =>
    status?.allocation ? (status.reservedFor ?? []).map((user) => `${metadata?.namespace}/${user.name}`) : []
  const claimsUsedBy = (pod: PodView): Frozen<ResourceClaim>[] =>
    podClaims(pod).flatMap((each) => {
      const found = claimNameOf(pod, each)
      const claim =
        typeof found === 'string' ? undefined : claims.lister.get(`${pod.metadata?.namespace}/${found.name}`)
      if (!claim || typeof found === 'string' || !isReservedFor(claim, pod.metadata?.uid)) return []
      return found.generated && notForPod(pod, claim) ? [] : [claim]
    })
  /** In the newest generation of its pool. */
  const taintsOf = (id: { driver?: string; pool?: string; device?: string }): TaintedDevice['taints'] => {
    const pool = byPool.get(`${id.driver}/${id.pool}`)
    const newest = Math.max(...pool.map(({ spec }) => spec?.pool?.generation ?? 0))
    return pool
      .filter(({ spec }) => (spec?.pool?.generation ?? 0) === newest)
      .flatMap(({ spec }) => spec?.devices?.find(({ name }) => name === id.device)?.taints ?? [])
  }
  const usersOfDevicesIn = (slice: Frozen<ResourceSlice>, old: Frozen<ResourceSlice> | undefined): string[] => {
    const { driver = '', pool, devices = [] } = slice.spec ?? {}
    const before = old?.spec
    const changed = devices.filter((device) => {
      const was = before?.devices?.find(({ name }) => name === device.name)
      return before?.pool?.generation !== pool?.generation || !equal(was?.taints, device.taints)
    })
    const named = (name = '') => deviceId({ driver, pool: pool?.name ?? '', device: name })
    return changed.flatMap(({ name }) => byDevice.get(named(name)).flatMap(usersOf))
  }

  return decider({
    name: 'device-taint-eviction-controller',
    eventSource: 'device-taint-eviction',
    workers: 8,
    watches: [
      watch(
        podInformer,
        (pod, old) => {
          if (!podClaims(pod).length || !pod.spec?.nodeName) return []
          const same = old?.spec?.nodeName === pod.spec.nodeName && equal(claimStatuses(old), claimStatuses(pod))
          return same ? [] : [keyOf(pod as KubeObject)]
        },
        { onDelete: ({ metadata }) => due.delete(metadata?.uid ?? '') },
      ),
      watch(claims, (claim, old) => [...new Set([...usersOf(claim), ...(old ? usersOf(old) : [])])]),
      watch(slices, usersOfDevicesIn),
    ],
    observe(key) {
      const pod = podInformer.lister.get(key)
      if (!pod) return undefined
      const uid = pod.metadata?.uid ?? ''
      const devices = claimsUsedBy(pod)
        .flatMap(({ status }) => status?.allocation?.devices?.results ?? [])
        .map((result) => ({ result, taints: taintsOf(result) }))
      const wasDue = due.has(uid)
      const at = evictionTime(devices)
      if (at === Infinity) due.delete(uid)
      else if (at > clock.now()) due.add(uid)
      return { pod, devices, wasDue }
    },
    reconcile,
  })
}
