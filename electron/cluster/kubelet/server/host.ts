import type { Runtime } from '../../runtime/api.ts'
import type { PodDiskUsage } from '../storage/disk-usage.ts'
import type { Pod, PodRuntime, PodStatus } from '../types.ts'

/** What the server asks of a node. */
export interface ServedNode {
  readonly name: string
  readonly runtime: Runtime
  readonly pods: readonly Pod[]
  find(namespace: string, name: string): Pod | undefined
  /** The newest status, which the API may not have yet. */
  status(pod: Pod): PodStatus
  inspect(pod: Pod): Promise<PodRuntime>
  /** On the file system where pods are kept. */
  readonly directory: string
  /** Where manifests of static pods are looked for. */
  readonly staticPodPath?: string
  diskUsage(pod: Pod): Promise<PodDiskUsage>
  /** The claims that are mounted for pods, each once. */
  claims(): { namespace: string; persistentvolumeclaim: string; path: string }[]
  /** How often probes were made, by probe and outcome. */
  probeCounts(): { labels: Record<string, string>; value: number }[]
}

/** All that one server serves. */
export interface Served {
  readonly nodes: readonly ServedNode[]
  /** Says why nothing can be asked of a pod that exists but has no containers (simulated nodes). */
  readonly refusals: readonly ((namespace: string, name: string) => string | undefined)[]
}

/** Answered as plain text with its code, as the kubelet does. */
export class HttpError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export function findPod({ nodes, refusals }: Served, namespace: string, name: string): { node: ServedNode; pod: Pod } {
  for (const node of nodes) {
    const pod = node.find(namespace, name)
    if (pod) return { node, pod }
  }
  for (const refusal of refusals) {
    const why = refusal(namespace, name)
    if (why) throw new HttpError(400, why)
  }
  throw new HttpError(404, 'pod does not exist')
}

/** The container's run that commands go to. */
export async function runningContainer(
  node: ServedNode,
  pod: Pod,
  name: string,
): Promise<{ id: string; sandboxId: string }> {
  const { containers } = await node.inspect(pod)
  const running = containers.find((container) => container.name === name && container.state === 'running')
  if (!running) throw new HttpError(404, `container not found (${JSON.stringify(name)})`)
  return running
}
