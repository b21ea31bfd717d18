import type { Resources, Runtime, SandboxStatus } from '../../runtime/api.ts'
import type { ContainerToUpdate } from '../core/actions.ts'
import { atLeast, podResources, sameResources } from '../core/resources.ts'
import type { Pod, PodRuntime } from '../types.ts'

export interface ResizeInput {
  pod: Pod
  runtime: PodRuntime
  sandbox: SandboxStatus
  update: readonly ContainerToUpdate[]
}

/**
 * Holds running containers, and their pod as a whole, to what the pod was given. Answers whether anything changed;
 * rejects with what the pod's condition is to say. Source: kuberuntime's doPodResizeAction.
 */
export async function resizePod({ runtime: driver }: { runtime: Runtime }, input: ResizeInput): Promise<boolean> {
  const { pod, sandbox, update } = input
  const wanted = podResources(pod)
  const inForce = sandbox.resources
  if (!update.length && sameResources(wanted, inForce)) return false
  await checkMemory(driver, input, wanted)
  // A part may not be larger than the whole: the pod takes the larger of both while its containers change.
  const between = atLeast(wanted, inForce)
  if (!sameResources(between, inForce)) await driver.updateSandbox(sandbox.id, between)
  for (const { id, name, resources } of update) {
    await driver.updateContainer(id, resources).catch((error: Error) => {
      throw new Error(`failed to update container ${JSON.stringify(name)}: ${error.message}`, { cause: error })
    })
  }
  if (!sameResources(between, wanted)) await driver.updateSandbox(sandbox.id, wanted)
  return true
}

/**
 * A limit below what is in use would have the kernel kill what was to be resized. Source: validateMemoryResizeAction,
 * whose texts these are.
 */
async function checkMemory(
  driver: Runtime,
  { runtime, sandbox, update }: ResizeInput,
  wanted: Resources,
): Promise<void> {
  const shrinks = (now: Resources, before: Resources | undefined) =>
    now.memoryLimitBytes !== undefined && now.memoryLimitBytes < (before?.memoryLimitBytes ?? Infinity)
  const before = (id: string) => runtime.containers.find((container) => container.id === id)?.resources
  const containers = update.filter(({ id, resources }) => shrinks(resources, before(id)))
  const podShrinks = shrinks(wanted, sandbox.resources)
  if (!containers.length && !podShrinks) return
  const used = (await driver.stats()).map(({ containerId, sandboxId, memoryBytes, details }) => ({
    containerId,
    sandboxId,
    bytes: details?.usageBytes ?? memoryBytes,
  }))
  const wrong: string[] = []
  const check = (what: string, limit = 0, usage = 0) => {
    if (usage >= limit) wrong.push(`attempting to set ${what} memory limit (${limit}) below current usage (${usage})`)
  }
  if (podShrinks) {
    const ofPod = used.filter(({ sandboxId }) => sandboxId === sandbox.id)
    const usage = ofPod.reduce((sum, { bytes }) => sum + bytes, 0)
    check('pod', wanted.memoryLimitBytes, usage)
  }
  for (const { id, name, resources } of containers) {
    const usage = used.find(({ containerId }) => containerId === id)?.bytes
    check(`container ${JSON.stringify(name)}`, resources.memoryLimitBytes, usage)
  }
  if (wrong.length)
    throw new Error(`cannot decrease memory limits: ${wrong.length > 1 ? `[${wrong.join(', ')}]` : wrong[0]}`)
}
