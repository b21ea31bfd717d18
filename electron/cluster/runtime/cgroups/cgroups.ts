import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import path from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Resources } from '../api.ts'
import { findLayout, placesOf, type Layout } from './layout.ts'
import { applyLimits, killTogether, limitProcesses, write } from './limits.ts'
import { removeGroup } from './remove-group.ts'
import { usageOf, type Usage } from './usage.ts'

/** One container's place in the control groups. */
export interface ContainerCgroup {
  /** Files that take a pid. */
  readonly join: readonly string[]
  /** Counts `oom_kill`. */
  readonly oomFile: string
}

/** So many processes and threads may a pod have: one that forks without end must not take the machine's last. */
const podProcesses = 4096

/**
 * Limits and counts what pods and their containers use: a group for each pod, in it one for each container. Undefined
 * from `openCgroups` where this process may not.
 */
export class Cgroups {
  readonly #layout: Layout
  readonly #parent: string
  readonly #clock: Clock
  readonly #shared: boolean

  /** `parent`: the name of this cluster's own group. `shared`: a container runtime makes groups in those of pods. */
  constructor(layout: Layout, parent: string, clock: Clock, shared = false) {
    this.#shared = shared
    this.#layout = layout
    this.#parent = parent
    this.#clock = clock
  }

  /** A pod's group. Limits that the kernel refuses are not in force, which is better than no pod. */
  createPod(sandboxId: string, resources: Resources = {}): void {
    this.#make(sandboxId)
    const names = [this.#parent, sandboxId]
    limitProcesses(this.#layout, names, podProcesses)
    attempt(() => applyLimits(this.#layout, names, resources))
  }

  create(sandboxId: string, containerId: string, resources: Resources = {}): ContainerCgroup {
    this.#make(sandboxId, containerId)
    const names = [this.#parent, sandboxId, containerId]
    killTogether(this.#layout, names)
    attempt(() => applyLimits(this.#layout, names, resources))
    return this.find(sandboxId, containerId)
  }

  /** Without a container: of the pod. Throws with what the kernel refuses. */
  update(resources: Resources, sandboxId: string, containerId?: string): void {
    const names = [this.#parent, sandboxId, ...(containerId === undefined ? [] : [containerId])]
    if (existsSync(path.join(this.#layout.memory, ...names))) applyLimits(this.#layout, names, resources)
  }

  find(sandboxId: string, containerId: string): ContainerCgroup {
    const names = [this.#parent, sandboxId, containerId]
    const { memory, v2 } = this.#layout
    return {
      join: placesOf(this.#layout, ...names).map((place) => path.join(place, 'cgroup.procs')),
      oomFile: path.join(memory, ...names, v2 ? 'memory.events' : 'memory.oom_control'),
    }
  }

  /** The directories of a pod's group. */
  places(sandboxId: string): string[] {
    return placesOf(this.#layout, this.#parent, sandboxId)
  }

  /** The pod's group, as a container runtime is told where to make the containers' own. */
  parentOf(sandboxId: string): string {
    return `/${this.#parent}/${sandboxId}`
  }

  /** Removes what pods of an earlier run have left, but for those that live. */
  async retain(sandboxIds: ReadonlySet<string>): Promise<void> {
    for (const place of this.#everywhere()) {
      for (const pod of foldersIn(place).filter((name) => !sandboxIds.has(name))) {
        for (const container of foldersIn(path.join(place, pod)))
          await removeGroup(path.join(place, pod, container), this.#clock)
        await removeGroup(path.join(place, pod), this.#clock)
      }
    }
  }

  usage(sandboxId: string, containerId: string): Usage | undefined {
    return usageOf(this.#layout, [this.#parent, sandboxId, containerId])
  }

  async remove(sandboxId: string, containerId?: string): Promise<void> {
    for (const place of this.#everywhere(sandboxId, containerId ?? '')) await removeGroup(place, this.#clock)
    // The cluster's own group goes with its last pod's.
    if (containerId === undefined) this.#everywhere().forEach(removeIfEmpty)
  }

  /** The places of a group, those that a container runtime has made of it included. */
  #everywhere(...names: string[]): string[] {
    const others = this.#shared ? this.#layout.others : []
    return [
      ...placesOf(this.#layout, this.#parent, ...names),
      ...others.map((tree) => path.join(tree, this.#parent, ...names)),
    ]
  }

  /** Whether groups can be made here, and limit memory. */
  tryOut(): boolean {
    try {
      this.#make('probe')
      const file = this.#layout.v2 ? 'memory.max' : 'memory.limit_in_bytes'
      const usable = existsSync(path.join(this.#layout.memory, this.#parent, 'probe', file))
      for (const place of placesOf(this.#layout, this.#parent, 'probe')) rmdirSync(place)
      placesOf(this.#layout, this.#parent).forEach(removeIfEmpty)
      return usable
    } catch {
      return false
    }
  }

  #make(...names: string[]): void {
    for (const root of placesOf(this.#layout)) {
      let directory = root
      for (const name of [this.#parent, ...names]) {
        // Version 2 hands controllers down level by level.
        if (this.#layout.v2)
          for (const controller of ['cpu', 'memory', 'pids'])
            write(path.join(directory, 'cgroup.subtree_control'), `+${controller}`)
        directory = path.join(directory, name)
        mkdirSync(directory, { recursive: true })
      }
    }
  }
}

/** `directory`: of the runtime whose pods these are. */
export function openCgroups(directory: string, clock: Clock, { shared = false } = {}): Cgroups | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  const layout = findLayout()
  const parent = `wheelhouse-${createHash('sha256').update(directory).digest('hex').slice(0, 10)}`
  const cgroups = layout && new Cgroups(layout, parent, clock, shared)
  return cgroups?.tryOut() ? cgroups : undefined
}

function attempt(work: () => void): void {
  try {
    work()
  } catch {
    // A controller may be missing or a value refused.
  }
}

const foldersIn = (directory: string): string[] =>
  existsSync(directory)
    ? readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    : []

function removeIfEmpty(directory: string): void {
  attempt(() => rmdirSync(directory))
}
