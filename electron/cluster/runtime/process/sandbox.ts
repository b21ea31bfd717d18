import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { SandboxStatus } from '../api.ts'
import type { ContainerPlace } from './isolation/isolation.ts'
import type { PlacedMounts } from './place-mounts.ts'
import { lostRun, type ContainerRecord, type SandboxRecord } from './records.ts'
import { ShimClient } from './shim-client.ts'
import type { ContainerRun } from './shim/protocol.ts'
import { readRecord, writeRecord } from './shim/records.ts'

export interface Container {
  record: ContainerRecord
  /** Since it was first needed. */
  placed?: PlacedMounts
  /** Undefined: created and not started. */
  run?: ContainerRun
}

/** What the driver knows of a pod: the records on disk, its shim while that lives, and the last report of each container. */
export class Sandbox {
  readonly containers = new Map<string, Container>()
  shim: ShimClient | undefined
  readonly directory: string
  readonly #clock: Clock
  readonly #onChange: (sandboxId: string, containerId?: string) => void
  record: SandboxRecord

  constructor(
    record: SandboxRecord,
    directory: string,
    clock: Clock,
    onChange: (sandboxId: string, containerId?: string) => void,
  ) {
    this.record = record
    this.directory = directory
    this.#clock = clock
    this.#onChange = onChange
  }

  /** Reads what an earlier agent left; undefined when it did not get far enough to matter. */
  static read(
    directory: string,
    clock: Clock,
    onChange: (sandboxId: string, containerId?: string) => void,
  ): Sandbox | undefined {
    const record = readRecord<SandboxRecord>(path.join(directory, 'sandbox.json'))
    if (!record) return undefined
    const sandbox = new Sandbox(record, directory, clock, onChange)
    for (const file of readdirSync(directory)) {
      if (!file.endsWith('.container.json')) continue
      const container = readRecord<ContainerRecord>(path.join(directory, file))
      const run = container && readRecord<ContainerRun>(sandbox.#runFile(container.id))
      if (container) sandbox.containers.set(container.id, { record: container, ...(run ? { run } : {}) })
    }
    return sandbox
  }

  /** Joins the shim; when it is gone, its containers are written off. */
  async connect(): Promise<void> {
    if (!this.record.stopped) {
      try {
        this.shim = await ShimClient.connect(
          this.record.socket,
          (run) => this.#report(run),
          () => this.#lose(),
        )
        for (const run of await this.shim.call<ContainerRun[]>({ op: 'status' })) this.#report(run)
        return
      } catch {
        this.shim = undefined
      }
    }
    this.#writeOff()
  }

  save(): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 })
    writeRecord(path.join(this.directory, 'sandbox.json'), this.record, false)
  }

  add(record: ContainerRecord): void {
    writeRecord(path.join(this.directory, `${record.id}.container.json`), record, false)
    this.containers.set(record.id, { record })
    this.#onChange(this.record.id, record.id)
  }

  /** Writes down what has changed about a container. */
  change(containerId: string, changes: Partial<ContainerRecord>): void {
    const container = this.containers.get(containerId)
    if (!container) return
    container.record = { ...container.record, ...changes }
    writeRecord(path.join(this.directory, `${containerId}.container.json`), container.record, false)
    this.#onChange(this.record.id, containerId)
  }

  /** Records a run that no shim has recorded. */
  setRun(run: ContainerRun): void {
    if (!existsSync(this.directory)) return
    try {
      writeRecord(this.#runFile(run.id), run, true)
    } catch {
      // A full disk keeps no record: the next agent finds out again.
    }
    this.#report(run)
  }

  forget(containerId: string): void {
    this.containers.delete(containerId)
    const { root, statusFile, argumentsFile, filterFile, volumes, proc } = this.place(containerId)
    for (const file of [
      root,
      statusFile,
      argumentsFile,
      filterFile,
      volumes,
      proc,
      this.#runFile(containerId),
      path.join(this.directory, `${containerId}.container.json`),
    ]) {
      rmSync(file, { recursive: true, force: true })
    }
    this.#onChange(this.record.id, containerId)
  }

  status(): SandboxStatus {
    const { id, config, ip, createdAt, stopped } = this.record
    const { name, namespace, uid, attempt } = config
    const state = !stopped && this.shim ? 'ready' : 'notready'
    return { id, name, namespace, uid, attempt, state, ip, createdAt, resources: config.resources ?? {} }
  }

  place(containerId: string): ContainerPlace {
    const file = (name: string) => path.join(this.directory, `${containerId}.${name}`)
    return {
      root: file('root'),
      statusFile: file('status'),
      argumentsFile: file('arguments'),
      filterFile: file('filter'),
      etc: this.directory,
      volumes: file('volumes'),
      proc: file('proc'),
    }
  }

  #runFile(containerId: string): string {
    return path.join(this.directory, `${containerId}.run.json`)
  }

  #report(run: ContainerRun): void {
    const container = this.containers.get(run.id)
    if (!container) return
    container.run = run
    this.#onChange(this.record.id, run.id)
  }

  #lose(): void {
    if (!this.shim) return
    this.shim = undefined
    this.#writeOff()
    this.#onChange(this.record.id)
  }

  /** A shim records an exit before it reports it, so the record may be newer than the last report; on a full disk it is older. */
  #writeOff(): void {
    for (const { record, run } of this.containers.values()) {
      const last = run?.state === 'exited' ? run : (readRecord<ContainerRun>(this.#runFile(record.id)) ?? run)
      if (last?.state === 'running') this.setRun(lostRun(last, this.#clock.now()))
      else if (last) this.#report(last)
    }
  }
}
