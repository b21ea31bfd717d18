import { keyOf, type KubeObject, type ObjectMeta } from '#shared/kube/object.ts'
import { internal, isAlreadyExists, isConflict, isNotFound, StatusError } from '#shared/kube/status.ts'
import { nameSuffix, type Random } from '../../base/random.ts'
import type { Trace, TraceRef } from '../../base/trace.ts'
import type { KubeClient } from '../../client/api.ts'
import type { EventRecorder } from '../../client/event-recorder.ts'
import type { Batch, CreateAction, Decision, DeleteAction, Step, WriteAction } from './action.ts'
import type { Expectations } from './expectations.ts'

export interface ExecutorDeps {
  readonly component: string
  /** Whom the API server knows it as. */
  readonly user: string
  readonly client: KubeClient
  readonly recorder: EventRecorder
  readonly trace: Trace
  readonly random: Random
  readonly expectations?: Expectations | undefined
  /** Told of every write that succeeded. */
  readonly written?: (key: string, action: WriteAction, answer: KubeObject) => void
}

/** For the trace. */
type Why = { cause?: TraceRef }

/** The first batch of a slow start. */
const firstBatch = 1
/** Of a generated name that its suffix follows, as the API server cuts it. */
const longestBase = 58
/** A name that is taken is replaced so often. */
const names = 8

/** Carries out what controllers decide. The server is told the cause of each write; what failed is traced here. */
export class Executor {
  readonly #deps: ExecutorDeps

  constructor(deps: ExecutorDeps) {
    this.#deps = deps
  }

  /** Carries out a decision about `key`. Rejects with the failure of its steps, after concluding. */
  async decide(key: string, cause: TraceRef | undefined, decision: Decision): Promise<void> {
    this.#expect(key, decision.steps)
    let failure: StatusError | undefined
    try {
      await this.run(key, cause, decision.steps)
    } catch (error) {
      failure = asStatusError(error)
    }
    await this.run(key, cause, decision.conclude?.(failure) ?? [])
    if (failure) throw failure
  }

  async run(key: string, cause: TraceRef | undefined, steps: readonly Step[]): Promise<void> {
    for (const [index, step] of steps.entries()) {
      try {
        await this.#carryOut(key, cause, step)
      } catch (error) {
        this.#unexpect(key, steps.slice(index + 1))
        throw error
      }
    }
  }

  async #carryOut(key: string, cause: TraceRef | undefined, step: Step): Promise<void> {
    if (step.verb === 'event') this.#deps.recorder.event(step.about, step.type, step.reason, step.message)
    else if (step.verb === 'batch') await this.#batch(key, cause, step)
    else if (step.verb === 'series') await this.run(key, cause, step.steps)
    else if (step.verb === 'fail') throw step.error
    else if (step.verb === 'read') {
      const object = await this.#deps.client.get(step.type, step.key).catch(undefinedIfNotFound)
      await this.run(key, cause, step.then(object))
    } else await this.#write(key, cause, step)
  }

  /** Before the first write: its watch event may come before its answer. */
  #expect(key: string, steps: readonly Step[]): void {
    const { creations, deletions } = expectedOf(steps)
    if (creations || deletions.length) this.#deps.expectations?.expect(key, creations, deletions)
  }

  /** What failed or will not be tried is not waited for. */
  #unexpect(key: string, steps: readonly Step[]): void {
    const { creations, deletions } = expectedOf(steps)
    if (creations) this.#deps.expectations?.created(key, creations)
    for (const child of deletions) this.#deps.expectations?.deleted(key, child)
  }

  async #batch(key: string, cause: TraceRef | undefined, { pace, actions, conclude }: Batch): Promise<void> {
    let size = pace === 'parallel' ? actions.length : firstBatch
    const succeeded = new Set<WriteAction>()
    let failed: PromiseRejectedResult | undefined
    for (let done = 0; done < actions.length && !failed; done += size, size *= 2) {
      const tried = actions.slice(done, done + size)
      const outcomes = await Promise.allSettled(tried.map((action) => this.#carryOut(key, cause, action)))
      for (const [index, { status }] of outcomes.entries()) {
        const action = tried[index]!
        if (status === 'fulfilled' && action.verb !== 'series') succeeded.add(action)
      }
      failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed) this.#unexpect(key, actions.slice(done + tried.length))
    }
    if (conclude) await this.run(key, cause, conclude(succeeded))
    if (failed) throw failed.reason
  }

  async #write(key: string, cause: TraceRef | undefined, action: WriteAction): Promise<void> {
    const { recorder, trace, component, user } = this.#deps
    const verb = 'subresource' in action && action.subresource ? `${action.verb}/${action.subresource}` : action.verb
    let answer: KubeObject
    try {
      answer = await this.#send(action, cause ? { cause } : {})
      this.#deps.written?.(key, action, answer)
      const event = action.onSuccess?.(answer)
      if (event) recorder.event(event.about, event.type, event.reason, event.message)
    } catch (thrown) {
      const error = asStatusError(thrown)
      this.#unexpect(key, [action])
      if (action.tolerate?.(error)) {
        // Gone before it was deleted: the cache will show it as if we had.
        if (action.verb === 'delete' && isNotFound(error)) this.#deps.written?.(key, action, answerTo(action))
        return
      }
      // Who comes too late looks again: that is how it works, and no failure.
      const failed = { user, component, cause, action: verb, ...effectOf(action), failure: error.message }
      if (!isConflict(error)) trace.record(failed)
      const event = action.onFailure?.(error)
      if (event) recorder.event(event.about, event.type, event.reason, event.message)
      const instead = action.recover?.(error)
      if (!instead) throw error
      return this.run(key, cause, instead)
    }
    if (action.then) await this.run(key, cause, action.then(answer))
  }

  /**
   * Names what the server would name, so that a creation whose answer was lost can be looked up: made once more, it would
   * be there twice.
   */
  async #create({ type, object }: CreateAction, why: Why): Promise<KubeObject> {
    const { client, random } = this.#deps
    const { generateName, name, namespace } = object.metadata ?? {}
    if (name || !generateName) return client.create(type, object, why)
    for (let tried = 1; ; tried++) {
      const chosen = `${generateName.slice(0, longestBase)}${nameSuffix(random)}`
      try {
        return await client.create(type, { ...object, metadata: { ...object.metadata, name: chosen } }, why)
      } catch (error) {
        if (isAlreadyExists(error) && tried < names) continue
        const isUncertain = !(error instanceof StatusError) || error.code >= 500
        const found = isUncertain && (await this.#find(type, namespace, chosen))
        if (found) return found
        throw error
      }
    }
  }

  /** Listed: few that may create pods may get them, too. */
  async #find(
    type: CreateAction['type'],
    namespace: string | undefined,
    name: string,
  ): Promise<KubeObject | undefined> {
    const options = { namespace, fieldSelector: `metadata.name=${name}` }
    const found = await this.#deps.client.list(type, options).catch(() => undefined)
    return found?.items.find(({ metadata }) => metadata?.name === name)
  }

  async #send(action: WriteAction, why: Why): Promise<KubeObject> {
    const { client } = this.#deps
    switch (action.verb) {
      case 'create':
        return this.#create(action, why)
      case 'update':
        return client.update(action.type, action.object, { ...subresource(action), ...why })
      case 'patch':
        // A controller is sure of what it applies: it takes over what others set.
        return client.patch(action.type, action.key, action.patch, action.body, {
          ...subresource(action),
          ...why,
          ...(action.patch === 'apply' ? { force: true } : {}),
        })
      case 'delete':
        await client.delete(action.type, action.key, { ...action.options, ...why })
        return answerTo(action)
    }
  }
}

/** Creations and deletions among the steps that the controller's expectations count. */
function expectedOf(steps: readonly Step[]): { creations: number; deletions: string[] } {
  const writes = steps.flatMap(writesOf)
  return {
    creations: writes.filter((action) => action.verb === 'create' && action.expected).length,
    deletions: writes.flatMap((action) =>
      action.verb === 'delete' && action.expected ? [keyOf({ metadata: keyMeta(action.key) })] : [],
    ),
  }
}

function writesOf(step: Step): readonly Step[] {
  if (step.verb === 'batch') return step.actions.flatMap(writesOf)
  return step.verb === 'series' ? step.steps.flatMap(writesOf) : [step]
}

const subresource = (action: { subresource?: string }) =>
  action.subresource === undefined ? {} : { subresource: action.subresource }

const answerTo = ({ key }: DeleteAction): KubeObject => ({ metadata: keyMeta(key) })

const keyMeta = ({ namespace, name }: { namespace?: string | undefined; name: string }) => ({
  name,
  ...(namespace ? { namespace } : {}),
})

function effectOf(action: WriteAction) {
  const { namespace, name, generateName, uid, resourceVersion }: ObjectMeta =
    'object' in action ? (action.object.metadata ?? {}) : keyMeta(action.key)
  return { kind: action.type, namespace, name: name ?? generateName ?? '', uid, resourceVersion }
}

const asStatusError = (error: unknown): StatusError =>
  error instanceof StatusError ? error : internal(error instanceof Error ? error.message : String(error))

function undefinedIfNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error
}
