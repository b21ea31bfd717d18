import type { PodCondition } from 'kubernetes-types/core/v1'
import { pods } from '#shared/kube/resources.ts'
import { timestamp, type Clock } from '../base/clock.ts'
import type { KubeClient } from '../client/api.ts'
import type { PodInfo } from './pod-info.ts'

export interface StatusChange {
  readonly condition?: { type: string; status: string; reason: string; message: string }
  /** Empty takes a nomination back. */
  readonly nominatedNodeName?: string
}

/**
 * Writes a condition or the nominated node into a pod's status, unless it says so already. The uid guards against a
 * new pod of the same name.
 */
export async function patchStatus(
  { client, clock }: { client: KubeClient; clock: Clock },
  { pod, uid, namespace, name }: PodInfo,
  { condition, nominatedNodeName }: StatusChange,
): Promise<void> {
  const old = pod.status?.conditions?.find(({ type }) => type === condition?.type)
  const news =
    condition &&
    (old?.status !== condition.status || old.reason !== condition.reason || old.message !== condition.message)
  const renominated = nominatedNodeName !== undefined && nominatedNodeName !== (pod.status?.nominatedNodeName ?? '')
  if (!news && !renominated) return
  const generation = pod.metadata?.generation
  const since = old?.status === condition?.status ? (old?.lastTransitionTime as string | undefined) : undefined
  const next: PodCondition | undefined = news
    ? {
        ...condition,
        ...(generation ? { observedGeneration: generation } : {}),
        lastProbeTime: null as never,
        lastTransitionTime: since ?? timestamp(clock.now()),
      }
    : undefined
  const status = {
    ...(next ? { conditions: [next] } : {}),
    ...(renominated ? { nominatedNodeName: nominatedNodeName || null } : {}),
  }
  await client.patch(pods, { namespace, name }, 'strategic', { metadata: { uid }, status }, { subresource: 'status' })
}
