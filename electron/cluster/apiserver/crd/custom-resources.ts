import { isNotFound } from '#shared/kube/status.ts'
import type { Logger } from '../../base/logger.ts'
import { WorkQueue } from '../../client/work-queue.ts'
import { ownOperation, type Core } from '../handlers/operation.ts'
import { updateObject } from '../handlers/update.ts'
import { nameIn, type ServedKind } from '../kinds/served-kind.ts'
import { cleanupFinalizer, isTrue } from '../registry/apiextensions/conditions.ts'
import type { Crd, Schema } from '../registry/apiextensions/types.ts'
import type { WatchBatch } from '../storage/watch-batch.ts'
import { ApiServices } from './api-services.ts'
import { Cleanup } from './cleanup.ts'
import { customKinds, namesOf, type CustomKinds } from './definition.ts'
import { sameStatus, withStatus, type AcceptedNames } from './status.ts'
import type { RuleCheck } from './strategy.ts'
import { webhookConversion, type ConversionDeps } from './webhook-conversion.ts'

export interface CustomResourcesDeps {
  core: Core
  logger: Logger
  /** Compiles x-kubernetes-validations; absent: they are not checked. */
  compileRules?: (schema: Schema) => RuleCheck | undefined
  /** Asks conversion webhooks; absent: such definitions are converted by name only. */
  post?: ConversionDeps['post']
}

interface NamesOf extends AcceptedNames {
  readonly uid: string | undefined
  readonly group: string | undefined
  readonly isAccepted: boolean
}

interface Installed {
  /** Changes with everything that serving depends on. */
  readonly state: string
  readonly group: string
  readonly plural: string
  readonly kinds: CustomKinds
}

const everything = { namespace: undefined, labels: [], fields: [] }

/**
 * Serves what CustomResourceDefinitions define, from the moment in which their being established is stored: whoever
 * reads of it finds the resource. Their names are settled, and their instances deleted before them, one definition at
 * a time.
 */
export class CustomResources implements AsyncDisposable {
  readonly #deps: CustomResourcesDeps
  readonly #definitions: ServedKind
  readonly #installed = new Map<string, Installed>()
  /** What each definition has of the names of its group: all that is known of it without reading it again. */
  readonly #names = new Map<string, NamesOf>()
  readonly #queue: WorkQueue
  readonly #cleanup: Cleanup
  readonly #apiServices: ApiServices
  readonly #watch: Disposable
  readonly #working: Promise<void>

  /** `definitions` is the kind of the definitions themselves. */
  constructor(deps: CustomResourcesDeps, definitions: ServedKind) {
    const { core } = deps
    this.#deps = deps
    this.#definitions = definitions
    this.#queue = new WorkQueue(core)
    this.#cleanup = new Cleanup({ core, later: (name) => this.#queue.add(name) })
    this.#apiServices = new ApiServices(core)
    const { objects } = definitions
    for (const entry of objects.store.range(objects.type.prefix))
      this.#observe(definitions.object(entry) as Crd, entry.revision)
    this.#watch = objects.hub.open(definitions.watchFilter(everything), objects.revision, {
      onBatch: (batch) => this.#onBatch(batch),
      onEnd: () => {},
    })
    this.#working = this.#work()
  }

  #onBatch({ changes }: WatchBatch): void {
    for (const { type, entry } of changes) {
      if (type === 'DELETED') this.#forget(nameIn(entry.key))
      else this.#observe(this.#definitions.object(entry) as Crd, entry.revision)
    }
  }

  #observe(crd: Crd, revision: number): void {
    const { name = '', uid } = crd.metadata!
    const group = crd.spec?.group
    this.#names.set(name, { uid, group, accepted: namesOf(crd), isAccepted: isTrue(crd, 'NamesAccepted') })
    if (isTrue(crd, 'Established')) this.#install(name, crd, revision)
    this.#queue.add(name)
  }

  #install(name: string, crd: Crd, since: number): void {
    const { compileRules, core, logger, post } = this.#deps
    const { uid, generation } = crd.metadata!
    const state = JSON.stringify([uid, generation, namesOf(crd), isTrue(crd, 'Terminating')])
    if (this.#installed.get(name)?.state === state) return
    const { group = '' } = crd.spec ?? {}
    const { plural = '' } = namesOf(crd)
    try {
      const { strategy, webhook } = crd.spec?.conversion ?? {}
      const byWebhook = strategy === 'Webhook' && webhook && post
      const kinds = customKinds(crd, {
        since,
        ...(compileRules ? { compileRules } : {}),
        ...(byWebhook ? { convert: webhookConversion({ post, random: core.random }, webhook) } : {}),
      })
      core.kinds.replace(group, plural, kinds.served)
      this.#installed.set(name, { state, group, plural, kinds })
    } catch (error) {
      logger.error('a custom resource cannot be served', { name, error: String(error) })
    }
  }

  #forget(name: string): void {
    const group = this.#names.get(name)?.group
    this.#names.delete(name)
    this.#cleanup.forget(name)
    const installed = this.#installed.get(name)
    if (installed) this.#deps.core.kinds.replace(installed.group, installed.plural, [])
    this.#installed.delete(name)
    this.#queue.add(name)
    // A name that it held may be free now.
    for (const [other, { group: of, isAccepted }] of this.#names)
      if (of === group && !isAccepted) this.#queue.add(other)
  }

  async #work(): Promise<void> {
    for (let name = await this.#queue.get(); name !== undefined; name = await this.#queue.get()) {
      try {
        await this.#settle(name)
        this.#queue.forget(name)
      } catch (error) {
        this.#deps.logger.warn('a definition could not be settled; will try again', { name, error: String(error) })
        this.#queue.addRateLimited(name)
      }
      this.#queue.done(name)
    }
  }

  async #settle(name: string): Promise<void> {
    const { objects } = this.#definitions
    const entry = objects.get(objects.keyOf(undefined, name))
    await this.#apiServices.settle(this.#servedVersions())
    if (!entry) return
    const crd = this.#definitions.object(entry) as Crd
    if (!crd.metadata!.deletionTimestamp) return this.#update(name, (current) => this.#settled(current))
    if (!crd.metadata!.finalizers?.includes(cleanupFinalizer)) return
    const installed = this.#installed.get(name)
    await this.#cleanup.run(name, installed?.kinds.storage, (change) => this.#update(name, change))
  }

  #settled(crd: Crd): Crd {
    const { now } = this.#deps.core.clock
    const { uid } = crd.metadata!
    const others = [...this.#names.values()].filter((other) => other.group === crd.spec?.group && other.uid !== uid)
    return withStatus(crd, others, now())
  }

  #servedVersions(): Map<string, { group: string; version: string }> {
    const versions = new Map<string, { group: string; version: string }>()
    for (const { kinds } of this.#installed.values())
      for (const { group, version } of kinds.served) versions.set(`${version}.${group}`, { group, version })
    return versions
  }

  /** Writes the status, and what of the metadata the cleanup changes. */
  async #update(name: string, change: (crd: Crd) => Crd): Promise<void> {
    const { core } = this.#deps
    const { objects } = this.#definitions
    const latest = objects.latest(objects.keyOf(undefined, name))
    if (!latest) return
    const before = this.#definitions.object(latest) as Crd
    const wanted = change(before)
    const sameFinalizers = before.metadata?.finalizers?.length === wanted.metadata?.finalizers?.length
    if (sameFinalizers && sameStatus(before, wanted)) return
    const op = ownOperation(this.#definitions, name, this.#definitions.subresources.get('status'))
    const produce = (old: unknown) => (old ? change(old as Crd) : undefined)
    await updateObject(core, op, { produce }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]()
    this.#cleanup[Symbol.dispose]()
    await this.#queue.shutDown()
    await this.#working
  }
}
