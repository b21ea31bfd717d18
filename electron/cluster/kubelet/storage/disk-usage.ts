import path from 'node:path'
import { lstat } from 'node:fs/promises'
import type { Clock } from '../../base/clock.ts'
import { directorySize, type DirectorySize } from '../../base/directory-size.ts'
import type { Runtime } from '../../runtime/api.ts'
import type { NodeDirectories } from '../directories.ts'
import { uidOf, type Pod, type PodRuntime } from '../types.ts'

/** What a pod takes on disk, by name of volume or container. */
export interface PodDiskUsage {
  /** Milliseconds since the epoch. */
  at: number
  /** Those that end with the pod and lie on disk. */
  volumes: ReadonlyMap<string, DirectorySize>
  roots: ReadonlyMap<string, DirectorySize>
  logs: ReadonlyMap<string, DirectorySize>
}

export interface DiskUsageDeps {
  runtime: Runtime
  directories: NodeDirectories
  clock: Clock
  inspect(pod: Pod): Promise<PodRuntime>
}

/** As old as this a measure may be before it is taken again: it costs a walk through all files. */
const freshFor = 60_000

/** Measures what pods take on disk. Never more than one measure of a pod at a time. */
export class DiskUsage {
  readonly #deps: DiskUsageDeps
  readonly #known = new Map<string, PodDiskUsage>()
  readonly #running = new Map<string, Promise<PodDiskUsage>>()

  constructor(deps: DiskUsageDeps) {
    this.#deps = deps
  }

  /** The last measure, a new one if there is none yet. An old one is taken again meanwhile. */
  async recent(pod: Pod): Promise<PodDiskUsage> {
    const known = this.#known.get(uidOf(pod))
    if (!known) return this.measure(pod)
    if (this.#deps.clock.now() - known.at > freshFor) void this.measure(pod).catch(() => {})
    return known
  }

  measure(pod: Pod): Promise<PodDiskUsage> {
    const uid = uidOf(pod)
    const running = this.#running.get(uid)
    if (running) return running
    const measuring = this.#measure(pod).finally(() => this.#running.delete(uid))
    this.#running.set(uid, measuring)
    return measuring
  }

  forget(podUid: string): void {
    this.#known.delete(podUid)
  }

  async #measure(pod: Pod): Promise<PodDiskUsage> {
    const { runtime, directories, clock, inspect } = this.#deps
    const volumes = new Map<string, DirectorySize>()
    for (const { name, emptyDir } of pod.spec?.volumes ?? [])
      if (emptyDir) volumes.set(name, await directorySize(directories.emptyDir(uidOf(pod), name)))
    const roots = new Map<string, DirectorySize>()
    const logs = new Map<string, DirectorySize>()
    for (const { id, name } of (await inspect(pod)).containers) {
      // The newest of each comes first. What one that has ended wrote lies there until the next.
      if (logs.has(name)) continue
      logs.set(name, await directorySize(path.join(directories.podLogs(pod), name)))
      roots.set(name, await runtime.writtenBytes(id).catch(() => ({ bytes: 0, files: 0 })))
    }
    const usage = { at: clock.now(), volumes, roots, logs }
    // Of a pod whose directory is gone, nothing is to be remembered.
    if (await lstat(directories.pod(uidOf(pod))).catch(() => undefined)) this.#known.set(uidOf(pod), usage)
    return usage
  }
}
