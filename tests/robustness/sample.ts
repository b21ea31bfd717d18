import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Pod } from 'kubernetes-types/core/v1'
import type { KubeList } from '#shared/kube/object.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { processesOf } from '../support/leftovers.ts'
import { root } from '../support/processes.ts'
import { eventually } from '../support/wait.ts'

type Reached = { kubectl: Kubectl }

/** `replicas` of the sample application, ready. */
export async function deploySample({ kubectl: k }: Reached, replicas = 5): Promise<void> {
  await k('apply', '-f', path.join(root, 'resources', 'manifests', 'hello.yaml'))
  if (replicas !== 5) await k('scale', 'deployment/hello', `--replicas=${replicas}`)
  await k('rollout', 'status', 'deployment/hello', '--timeout=90s')
}

export const pods = async ({ kubectl: k }: Reached): Promise<Pod[]> =>
  (await k.json<KubeList<Pod>>('get', 'pods', '-l', 'app=hello')).items

export const uids = (list: readonly Pod[]): string[] => list.map(({ metadata }) => metadata!.uid!).toSorted()

export const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true

/** For a message of a test: the pod's phase and its container's state, restarts and readiness. */
function stateOf({ metadata, status }: Pod): string {
  const container = status?.containerStatuses?.[0]
  return `${metadata!.name} ${status?.phase} ${JSON.stringify(container?.state)} after ${JSON.stringify(container?.lastState)} ×${container?.restartCount} ready=${container?.ready}`
}

/**
 * Resolves with the pods once all of them are ready, and each container has been started again `restarts` times: or more
 * often, for on a machine out of breath liveness probes fail, too.
 */
export const allReady = (cluster: Reached, { count = 5, restarts = 0 } = {}): Promise<Pod[]> =>
  eventually(
    `${count} ready pods, restarted ${restarts} times at least`,
    async () => {
      const list = await pods(cluster)
      const restarted = list.filter(({ status }) => Number(status?.containerStatuses?.[0]?.restartCount) >= restarts)
      if (list.length === count && restarted.filter(isReady).length === count) return list
      throw new Error(`the pods are ${list.map(stateOf).join(', ')}`)
    },
    60_000,
  )

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

/** Ids of the processes of a cluster on this machine, by what they are. */
export function census(data: string): { agents: number[]; shims: number[]; applications: number[] } {
  const all = processesOf(data).map((pid) => ({ pid, command: commandOf(pid) }))
  const running = (pattern: RegExp) => all.filter(({ command }) => pattern.test(command)).map(({ pid }) => pid)
  return {
    agents: running(/agent\.mjs/),
    shims: running(/shim\.mjs/),
    applications: running(/^node \/app\/server\.mjs/),
  }
}
