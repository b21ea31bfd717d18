import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { SandboxConfig } from '../api.ts'
import { etcFiles } from '../etc.ts'

export interface StartFailure {
  message: string
  /** Milliseconds since the epoch. */
  at: number
}

/** What is kept on this machine for the pods of a node, a folder each: the files of /etc, and the pod's address. */
export class PodFiles {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(directory, { recursive: true })
  }

  /** Makes a pod known: with its address, which is empty in the host's network. */
  write(sandboxId: string, config: SandboxConfig, ip: string): void {
    const folder = path.join(this.#directory, sandboxId)
    mkdirSync(folder, { recursive: true })
    for (const [name, content] of Object.entries(etcFiles(config, ip))) writeFileSync(path.join(folder, name), content)
    writeFileSync(path.join(folder, 'address'), ip)
  }

  /** Undefined for a pod that was never finished. */
  addressOf(sandboxId: string): string | undefined {
    const file = path.join(this.#directory, sandboxId, 'address')
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined
  }

  /** The files of /etc by their names; without `dns` names are looked up as the engine has it. */
  etc(sandboxId: string, { dns }: { dns: boolean }): Record<string, string> {
    const folder = path.join(this.#directory, sandboxId)
    const names = ['hosts', 'hostname', ...(dns ? ['resolv.conf'] : [])]
    return Object.fromEntries(names.map((name) => [name, path.join(folder, name)]))
  }

  /** Not every engine keeps why a container could not be started. */
  writeStartError(sandboxId: string, containerId: string, error: StartFailure): void {
    const file = this.#startErrorFile(sandboxId, containerId)
    if (existsSync(path.dirname(file))) writeFileSync(file, JSON.stringify(error))
  }

  startErrorOf(sandboxId: string, containerId: string): StartFailure | undefined {
    const file = this.#startErrorFile(sandboxId, containerId)
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as StartFailure) : undefined
  }

  #startErrorFile(sandboxId: string, containerId: string): string {
    return path.join(this.#directory, sandboxId, `${containerId}.start-error`)
  }

  remove(sandboxId: string): void {
    rmSync(path.join(this.#directory, sandboxId), { recursive: true, force: true })
  }

  /** Removes what was kept for others than these. */
  retain(sandboxIds: ReadonlySet<string>): void {
    for (const id of readdirSync(this.#directory)) if (!sandboxIds.has(id)) this.remove(id)
  }
}
