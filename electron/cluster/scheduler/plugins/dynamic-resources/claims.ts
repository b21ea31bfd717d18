import type { ResourceClaim } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { claimNameOf, notForPod, podClaims } from '#shared/kube/pod-claims.ts'
import type { ClusterState } from '../../cluster-state.ts'
import type { PodInfo } from '../../pod-info.ts'

export type Claim = Frozen<ResourceClaim>

/** The claims of a pod, or why it cannot be tried before they change. Source: foreachPodResourceClaim. */
export function claimsOf({ pod, namespace, key }: PodInfo, { deviceClaims }: ClusterState): readonly Claim[] | string {
  const claims: Claim[] = []
  for (const each of podClaims(pod)) {
    const found = claimNameOf(pod, each)
    if (found === 'not needed') continue
    if (found === 'not created') return `pod "${key}": ResourceClaim not created yet`
    const { name, generated } = found
    const claim = deviceClaims.get(`${namespace}/${name}`)
    if (!claim) return `could not find ResourceClaim "${namespace}/${name}"`
    if (claim.metadata?.deletionTimestamp) return `resourceclaim ${JSON.stringify(name)} is being deleted`
    const foreign = generated ? notForPod(pod, claim) : undefined
    if (foreign) return foreign
    claims.push(claim)
  }
  return claims
}

/** Why no node will do for a claim that has no devices yet. */
export function claimTrouble(claim: Claim, { deviceClaims, surroundings }: ClusterState): string | undefined {
  const key = `${claim.metadata?.namespace}/${claim.metadata?.name}`
  if (deviceClaims.isInFlight(key)) return `resource claim ${key} is in the process of being allocated`
  for (const { name = '', exactly, firstAvailable = [] } of claim.spec?.devices?.requests ?? []) {
    const options = exactly
      ? [[name, exactly] as const]
      : firstAvailable.map((option) => [`${name}/${option.name ?? ''}`, option] as const)
    if (!options.length) return `resource claim ${key}, request ${name}: unknown request type`
    for (const [shown, { deviceClassName = '' }] of options)
      if (!surroundings.deviceClass(deviceClassName))
        return `request ${shown}: device class ${deviceClassName} does not exist`
  }
  return undefined
}
