import { initContainersOf, isSidecar, type Pod, type PodRuntime, type RuntimeContainer } from '../types.ts'
import { killContainer, type KillDeps } from './kill-container.ts'

export interface KillPodInput {
  pod: Pod
  runtime: PodRuntime
  /** Seconds, for each container. */
  grace: number
  /** Ids of containers that an earlier call with a longer grace is killing. Grows by those that this call kills. */
  dying: Set<string>
}

/** Kills all containers of a pod, sidecars last and in reverse order, then its sandboxes. */
export async function killPod(deps: KillDeps, { pod, runtime, grace, dying }: KillPodInput): Promise<void> {
  const alive = runtime.containers.filter(
    ({ state }) => state === 'running' || state === 'unknown' || state === 'created',
  )
  const sidecars = initContainersOf(pod)
    .filter(isSidecar)
    .map(({ name }) => name)
  const podIp = runtime.sandboxes[0]?.ip ?? ''
  const ended = new Map<RuntimeContainer, PromiseWithResolvers<void>>()
  for (const instance of alive) ended.set(instance, Promise.withResolvers<void>())

  await Promise.all(
    alive.map(async (instance) => {
      const place = sidecars.indexOf(instance.name)
      // A sidecar waits for all regular containers and for the sidecars that were started after it.
      const before = place < 0 ? [] : alive.filter((other) => other !== instance && later(other.name, place))
      const turn = Promise.all(before.map((other) => ended.get(other)!.promise)).then(() => {})
      const again = dying.has(instance.id)
      dying.add(instance.id)
      try {
        await killContainer(deps, { pod, instance, podIp, grace, again, ...(before.length ? { turn } : {}) })
      } finally {
        ended.get(instance)!.resolve()
      }
    }),
  )
  for (const { id } of runtime.sandboxes) await deps.runtime.stopSandbox(id)

  function later(name: string, place: number): boolean {
    const other = sidecars.indexOf(name)
    return other < 0 || other > place
  }
}
