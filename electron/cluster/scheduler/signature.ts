import type { Pod } from 'kubernetes-types/core/v1'
import { featuresToRun } from '#shared/kube/declared-features.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { claimKeysOfPod, podClaims } from '#shared/kube/pod-claims.ts'

/**
 * Everything of a pod that a plug-in looks at, as text. Two pods with the same text get the same answer from every
 * plug-in on the same nodes, so that the replicas of one ReplicaSet are evaluated once. Upstream's SignPod, for all
 * plug-ins together. Of its labels those count that somebody `selects` by: the ordinal of a replica tells it from its
 * peers for people only.
 */
export function signatureOf(pod: Frozen<Pod>, selects?: (key: string) => boolean): string {
  const { metadata, spec } = pod
  const labels = Object.entries(metadata?.labels ?? {})
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller)
  const {
    containers = [],
    initContainers,
    ...rest
  } = (spec ?? {}) as Frozen<NonNullable<Pod['spec']>> & {
    resources?: unknown
  }
  return JSON.stringify([
    metadata?.namespace,
    selects ? labels.filter(([key]) => selects(key)) : labels,
    owner?.kind,
    owner?.name,
    containers.map(({ image, resources, ports }) => [image, resources?.requests, ports]),
    initContainers?.map((container) => [
      container.resources?.requests,
      container.ports,
      (container as { restartPolicy?: string }).restartPolicy,
    ]),
    rest.nodeName,
    rest.nodeSelector,
    rest.affinity,
    rest.tolerations,
    rest.topologySpreadConstraints,
    rest.overhead,
    rest.resources,
    spec && featuresToRun(spec),
    rest.priority,
    // A claim or a disk is looked at by name; other volumes bind a pod to no node.
    rest.volumes?.filter((volume) => !harmless.some((kind) => volume[kind])),
    // The claims of ephemeral volumes bear the name of their pod.
    rest.volumes?.some(({ ephemeral }) => ephemeral) && metadata?.name,
    podClaims(pod).length > 0 && claimKeysOfPod(pod),
  ])
}

const harmless = ['configMap', 'secret', 'projected', 'emptyDir', 'downwardAPI'] as const
