import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Runtime } from '../../runtime/api.ts'
import type { NodeDirectories } from '../directories.ts'
import { uidOf, type Pod, type PodRuntime, type RuntimeContainer } from '../types.ts'

/** Besides the newest run of a container, so many ended ones are kept: for `logs --previous` and the last state. */
const keptRuns = 1

export interface GarbageDeps {
  runtime: Runtime
  directories: NodeDirectories
}

/** Removes older runs of containers with their logs, and sandboxes that nothing of interest is left in. */
export async function collectGarbage(
  { runtime, directories }: GarbageDeps,
  pod: Pod,
  known: PodRuntime,
): Promise<void> {
  const runs = new Map<string, number>()
  const doomed: RuntimeContainer[] = []
  for (const container of known.containers) {
    const newer = runs.get(container.name) ?? 0
    runs.set(container.name, newer + 1)
    if (newer > keptRuns && container.state !== 'running') doomed.push(container)
  }
  for (const { id, logPath, name, attempt } of doomed) {
    await runtime.removeContainer(id)
    await removeLogs(logPath)
    await rm(directories.terminationLog(uidOf(pod), name, attempt), { force: true })
  }
  for (const { id, state } of known.sandboxes.slice(1)) {
    const used = known.containers.some((container) => container.sandboxId === id && !doomed.includes(container))
    if (!used && state === 'notready') await runtime.removeSandbox(id)
  }
}

/** A log and what was rotated away from it. */
async function removeLogs(logPath: string): Promise<void> {
  const [folder, name] = [path.dirname(logPath), path.basename(logPath)]
  for (const file of await readdir(folder).catch(() => []))
    if (file === name || file.startsWith(`${name}.`)) await rm(path.join(folder, file), { force: true })
}

/** Removes everything of a pod that is gone from the API. */
export async function removePod({ runtime, directories }: GarbageDeps, pod: Pod, known: PodRuntime): Promise<void> {
  for (const { id } of known.containers) await runtime.removeContainer(id)
  for (const { id } of known.sandboxes) {
    await runtime.stopSandbox(id)
    await runtime.removeSandbox(id)
  }
  await rm(directories.podLogs(pod), { recursive: true, force: true })
  await rm(directories.pod(uidOf(pod)), { recursive: true, force: true })
}
