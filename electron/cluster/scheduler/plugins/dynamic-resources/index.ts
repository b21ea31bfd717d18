import { isDeepStrictEqual } from 'node:util'
import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { claimKeysOfPod, podClaims } from '#shared/kube/pod-claims.ts'
import { nodeBecame } from '../../cluster-event.ts'
import type { Plugin } from '../api.ts'
import { claimsOf } from './claims.ts'
import { devicesFilter } from './filter.ts'

/** Devices that a pod claims must be had on its node, and are given to it. */
export const dynamicResources: Plugin = {
  name: 'DynamicResources',
  gate(pod, state) {
    if (!podClaims(pod.pod).length) return undefined
    const claims = claimsOf(pod, state)
    return typeof claims === 'string' ? claims : undefined
  },
  filter: (pod, state) => (state.asksForDevices(pod) ? devicesFilter(pod, state) : undefined),
  mayHelp(event, { pod }) {
    switch (event.kind) {
      case 'resource claim changed': {
        const { claim, old } = event
        if (old?.status?.allocation && !claim.status?.allocation) return true
        if (!claimKeysOfPod(pod).includes(keyOf(claim as KubeObject))) return false
        return !old || !isDeepStrictEqual(claim.status, old.status)
      }
      case 'resource claim gone':
        // Its devices are free; or it is one that the pod names and may be made anew.
        return event.claim.status?.allocation !== undefined
      case 'resource slice changed':
      case 'device class changed':
      case 'pod changed':
        return true
      default:
        return nodeBecame(event, 'labels', 'allocatable')
    }
  },
}
