import type { NodeDirectories } from '../directories.ts'
import { ephemeralContainersOf, type Pod, type PodRuntime } from '../types.ts'
import { graceOf, killContainer, type KillDeps } from './kill-container.ts'

/**
 * Has everything in a pod start over: its containers are ended, without their preStop hooks; when all have, and their
 * ends have been told, they are forgotten, the one that is the reason last, so that an agent that dies meanwhile sees it
 * again. Sandbox, volumes and debug containers stay. Source: KEP-5532.
 */
export async function restartAll(
  deps: KillDeps & { directories: NodeDirectories },
  { pod, runtime, reason }: { pod: Pod; runtime: PodRuntime; reason: string },
): Promise<void> {
  const debugging = new Set(ephemeralContainersOf(pod).map(({ name }) => name))
  const [sandbox] = runtime.sandboxes
  const all = runtime.containers.filter(({ name, sandboxId }) => sandboxId === sandbox?.id && !debugging.has(name))
  const podIp = sandbox?.ip ?? ''
  const alive = all.filter(({ state }) => state !== 'exited')
  await Promise.all(
    alive.map(async (instance) => {
      const { name } = instance
      const message = `Stopping container ${name}`
      const grace = graceOf(pod, name, 'other')
      await killContainer(deps, { pod, instance, podIp, grace, message, withoutHook: true })
    }),
  )
  if (alive.length) return
  const order = [...all.filter(({ name }) => name !== reason), ...all.filter(({ name }) => name === reason)]
  for (const { id } of order) await deps.runtime.removeContainer(id)
}
