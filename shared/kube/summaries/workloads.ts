/** One-row summaries of workloads, as kubectl's tables and the app show them. */
interface Replicated {
  readonly spec?: { readonly replicas?: number | undefined } | undefined
  readonly status?:
    | {
        readonly replicas?: number | undefined
        readonly readyReplicas?: number | undefined
        readonly updatedReplicas?: number | undefined
        readonly availableReplicas?: number | undefined
      }
    | undefined
}

export interface DeploymentSummary {
  /** `3/5`. */
  readonly ready: string
  readonly readyReplicas: number
  readonly desired: number
  readonly updated: number
  readonly available: number
}

export function summarizeDeployment({ spec, status }: Replicated): DeploymentSummary {
  const desired = spec?.replicas ?? 0
  const readyReplicas = status?.readyReplicas ?? 0
  return {
    ready: `${readyReplicas}/${desired}`,
    readyReplicas,
    desired,
    updated: status?.updatedReplicas ?? 0,
    available: status?.availableReplicas ?? 0,
  }
}
