import { mkdir, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Pod as PodObject } from 'kubernetes-types/core/v1'
import { pods } from '#shared/kube/resources.ts'
import { isAlreadyExists, isNotFound } from '#shared/kube/status.ts'
import { timestamp, type Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { KubeClient } from '../../client/api.ts'
import { every } from '../every.ts'
import { uidOf, type Pod } from '../types.ts'
import { mirrorAnnotation, mirrorOf, staticPod } from './manifest.ts'

export interface StaticPodsDeps {
  client: KubeClient
  clock: Clock
  logger: Logger
  /** Of the manifests. */
  directory: string
  node: { name: string; uid: string }
  /** Runs a pod, or ends one that runs. */
  run(pod: Pod): void
  end(pod: Pod): void
  /** Whether anything is left of a pod on this node. */
  isThere(uid: string): boolean
  /** The API has (another) mirror of a pod: its status goes there. */
  onMirror(pod: Pod, mirror: Pod): void
}

/** How often the directory is looked at, milliseconds. */
const interval = 5000

const fullName = ({ metadata }: Pod): string => `${metadata?.namespace}/${metadata?.name}`

/** Runs the pods whose manifests lie in a directory, and keeps a mirror of each in the API. */
export class StaticPods implements AsyncDisposable {
  readonly #deps: StaticPodsDeps
  /** As the files say, by path. */
  readonly #wanted = new Map<string, Pod>()
  readonly #texts = new Map<string, string>()
  /** Those that were given to the node and have not gone yet, by uid. */
  readonly #running = new Map<string, Pod>()
  readonly #mirrors = new Map<string, Pod>()
  #looking: AsyncDisposable | undefined
  #reconciling = Promise.resolve()

  constructor(deps: StaticPodsDeps) {
    this.#deps = deps
  }

  /** Resolves when the pods that are there now have been started. */
  async start(): Promise<void> {
    await mkdir(this.#deps.directory, { recursive: true })
    await this.#read()
    this.#run()
    this.#looking = every(interval, this.#deps.clock, async () => {
      await this.#read()
      await this.#reconcile()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking?.[Symbol.asyncDispose]()
    await this.#reconciling
  }

  /** What the API knows a pod as: a static one by its mirror, if it has one yet. */
  inApi(pod: Pod): Pod | undefined {
    return this.#running.has(uidOf(pod)) ? this.#mirrors.get(fullName(pod)) : pod
  }

  /** A mirror is in the API, or has changed. */
  mirror(mirror: Pod): void {
    const before = this.#mirrors.get(fullName(mirror))
    this.#mirrors.set(fullName(mirror), mirror)
    const pod = this.#running.get(mirror.metadata?.annotations?.[mirrorAnnotation] ?? '')
    if (pod && uidOf(before ?? {}) !== uidOf(mirror)) this.#deps.onMirror(pod, mirror)
    void this.#reconcile()
  }

  mirrorGone(mirror: Pod): void {
    if (uidOf(this.#mirrors.get(fullName(mirror)) ?? {}) === uidOf(mirror)) this.#mirrors.delete(fullName(mirror))
    void this.#reconcile()
  }

  /** A pod has gone from the node: another of its name may be waiting. */
  gone(): void {
    void this.#reconcile()
  }

  async #read(): Promise<void> {
    const { directory, node, clock, logger } = this.#deps
    const names = (await readdir(directory)).filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name))
    const files = new Set(names.map((name) => path.join(directory, name)))
    for (const file of this.#texts.keys()) if (!files.has(file)) this.#forget(file)
    for (const file of files) {
      const text = await readFile(file, 'utf8').catch(() => undefined)
      if (text === undefined || text === this.#texts.get(file)) continue
      this.#texts.set(file, text)
      try {
        this.#wanted.set(file, await staticPod(text, file, node.name, timestamp(clock.now())))
      } catch (error) {
        // A file that is being written is read again; what ran goes on until it makes sense.
        logger.warn('a manifest of a static pod cannot be used', { file, error: (error as Error).message })
      }
    }
  }

  #forget(file: string): void {
    this.#texts.delete(file)
    this.#wanted.delete(file)
  }

  /** Ends what is no longer wanted; starts what is, once nothing is left of the one before it. */
  #run(): void {
    const { run, end, isThere } = this.#deps
    const wanted = new Map([...this.#wanted.values()].map((pod) => [uidOf(pod), pod]))
    for (const [uid, pod] of this.#running) {
      if (wanted.has(uid)) continue
      if (isThere(uid)) end(pod)
      else this.#running.delete(uid)
    }
    const names = new Set([...this.#running.values()].map(fullName))
    for (const [uid, pod] of wanted) {
      if (this.#running.has(uid) || names.has(fullName(pod))) continue
      names.add(fullName(pod))
      this.#running.set(uid, pod)
      run(pod)
    }
  }

  #reconcile(): Promise<void> {
    this.#reconciling = this.#reconciling.then(async () => {
      this.#run()
      await this.#reconcileMirrors().catch((error: Error) =>
        this.#deps.logger.warn('the mirrors of static pods cannot be brought up to date; will try again', {
          error: error.message,
        }),
      )
    })
    return this.#reconciling
  }

  async #reconcileMirrors(): Promise<void> {
    const { client, node } = this.#deps
    const running = new Map([...this.#running.values()].map((pod) => [fullName(pod), pod]))
    for (const [name, mirror] of this.#mirrors) {
      const pod = running.get(name)
      const current = pod && mirror.metadata?.annotations?.[mirrorAnnotation] === uidOf(pod)
      if (current && !mirror.metadata?.deletionTimestamp) continue
      await this.#delete(mirror)
      this.#mirrors.delete(name)
    }
    for (const [name, pod] of running) {
      if (this.#mirrors.has(name)) continue
      const made = await client.create(pods, mirrorOf(pod, node) as PodObject).catch((error: unknown) => {
        // The watch will show it.
        if (isAlreadyExists(error)) return undefined
        throw error
      })
      if (!made) continue
      this.#mirrors.set(name, made)
      this.#deps.onMirror(pod, made)
    }
  }

  async #delete({ metadata }: Pod): Promise<void> {
    const { name = '', namespace, uid } = metadata ?? {}
    const options = { gracePeriodSeconds: 0, preconditions: { uid } }
    await this.#deps.client.delete(pods, { namespace, name }, options).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }
}
