import type { Claim } from '#shared/kube/storage.ts'
import { nodeBecame } from '../cluster-event.ts'
import { Refusal, type Plugin, type Rejection } from './api.ts'
import { claimNames, claimTrouble, isBound, isClaimOf, waitsForConsumer } from './volume-claims.ts'
import { planVolumes } from './volume-plan.ts'
import { reserveVolumes } from './volume-reservation.ts'

/**
 * Bound volumes must be reachable from the node; claims that wait for their first consumer must find a volume there,
 * or a class that makes one.
 */
export const volumeBinding: Plugin = {
  name: 'VolumeBinding',
  filter(pod, state) {
    const { surroundings } = state
    const names = claimNames(pod.pod)
    if (!names.length) return undefined
    const trouble = claimTrouble(pod, surroundings)
    if (trouble) return new Refusal(trouble)
    const claims = names.map(({ name }) => surroundings.claim(pod.namespace, name)!)
    const immediate = (claim: Claim) =>
      !isBound(claim) && (!!claim.spec?.volumeName || !waitsForConsumer(claim, surroundings))
    if (claims.some(immediate)) return new Refusal('pod has unbound immediate PersistentVolumeClaims')
    const reasonsOn = (node: Parameters<typeof planVolumes>[1]) => {
      const plan = planVolumes(claims, node, state)
      return 'reasons' in plan ? plan.reasons : undefined
    }
    return {
      // Volumes are taken by other pods too.
      shared: true,
      fits: ({ node }) => reasonsOn(node) === undefined,
      why: ({ node }): Rejection => ({ reasons: reasonsOn(node) ?? [], unresolvable: true }),
      reserve: (node) => reserveVolumes(pod, node, claims, state),
    }
  },
  mayHelp(event, info) {
    switch (event.kind) {
      case 'claim changed':
        return isClaimOf(info, event)
      case 'volume changed':
      case 'storage class changed':
      case 'CSI node changed':
        return true
      default:
        return nodeBecame(event, 'labels')
    }
  },
}
