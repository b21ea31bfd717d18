import type { ConnectionState, ContextInfo, Impersonation, ResourceInfo } from '#shared/ipc/contexts.ts'
import type { BuiltinStatus } from '#shared/ipc/hosts.ts'
import { StatusError } from '#shared/kube/status.ts'
import { Failure, toChannelError } from '../failure.ts'
import { backOff, pause } from '../pause.ts'
import { ApiConnection, type Contact } from './api-connection.ts'
import { discover, preferred } from './discovery.ts'
import { impersonating, isAboutImpersonation } from './impersonation.ts'
import { Protection, type ProtectedContexts } from './protection.ts'
import { readContexts, watchFiles, type KubeconfigContext, type ReadContexts } from './kubeconfigs.ts'

interface Known {
  context: KubeconfigContext
  state: ConnectionState
  version: string
  /** When the server last answered. */
  contact: number
  /** Whose rights the connection has, if not its own. */
  viewedAs?: Impersonation
  connection?: ApiConnection
  resources?: Promise<ResourceInfo[]>
  /** Ends what this entry has set going. */
  abort: AbortController
  probing: boolean
}

export const builtinId = 'builtin'

export interface ContextsOptions {
  files: readonly string[]
  /** Which contexts are protected from changes; none when absent. */
  protected?: ProtectedContexts
  /** Of connections to be made; tests wait less. */
  connect?: (context: KubeconfigContext) => ApiConnection
  /** Milliseconds between two looks at the files. */
  interval?: number
}

/**
 * The catalogue of contexts: the built-in cluster, and those of the kubeconfig files, live. Nothing of the latter is
 * contacted before somebody asks; from then on their state follows every request that is made.
 */
export class Contexts implements Disposable {
  #options: ContextsOptions
  #known = new Map<string, Known>()
  #read: ReadContexts = { contexts: [], problems: [] }
  #builtin: BuiltinStatus = { state: 'stopped', dataDirectory: '', restarts: 0 }
  #listeners = new Set<() => void>()
  #watcher: Disposable
  #protection: Protection
  #abort = new AbortController()

  constructor(options: ContextsOptions) {
    this.#options = options
    this.#protection = new Protection(options.protected ?? { get: () => [], set: () => {} })
    this.#watcher = watchFiles(options.files, () => this.#reload(), options.interval)
    this.#reload()
  }

  list(): (ContextInfo & { connection: ConnectionState })[] {
    const builtin = this.#known.get(builtinId)
    const found = [...this.#known.values()].filter((known) => known !== builtin)
    const info = (context: Parameters<typeof infoOf>[0]) => {
      const protection = this.#protection.of(context.id)
      const viewedAs = this.#known.get(context.id)?.viewedAs
      return { ...infoOf(context), ...(protection ? { protection } : {}), ...(viewedAs ? { viewedAs } : {}) }
    }
    return [
      { ...info(builtin?.context ?? absentBuiltin), builtin: true, connection: this.#builtinState(builtin) },
      ...found.map(({ context, state }) => ({ ...info(context), builtin: false, connection: state })),
    ]
  }

  /** Looks at a cluster with somebody else's rights, where one may; with one's own again when nobody is named. */
  async viewAs(id: string, somebody: Impersonation | undefined, signal?: AbortSignal): Promise<void> {
    const known = this.#find(id)
    const before = known.viewedAs
    this.#turnInto(known, somebody)
    try {
      await this.connection(id).json('/version', signal ? { signal } : {})
    } catch (error) {
      // Who may not even ask for the version looks at the cluster as they would: with nothing to see.
      if (error instanceof StatusError && error.code === 403 && !isAboutImpersonation(error)) return
      this.#turnInto(known, before)
      throw error
    }
  }

  #turnInto(known: Known, somebody: Impersonation | undefined): void {
    delete known.viewedAs
    if (somebody) known.viewedAs = somebody
    delete known.connection
    delete known.resources
    this.#tell()
  }

  /** Protects a context from changes, or lifts that. */
  protect(id: string, on: boolean): void {
    const { name } = this.#find(id).context
    if (on) this.#protection.protect(id)
    else this.#protection.release(id, name)
    this.#tell()
  }

  /** Lets changes through for a while, for who typed the context's name; or no longer. */
  unlock(id: string, typed: string | undefined): void {
    if (typed === undefined) this.#protection.lock(id)
    else this.#protection.unlock(id, this.#find(id).context.name, typed)
    this.#tell()
    const { unlockedUntil } = this.#protection.of(id) ?? {}
    if (unlockedUntil) void pause(unlockedUntil - Date.now(), this.#abort.signal).then(() => this.#tell())
  }

  /** Kubeconfig files that cannot be read, in a sentence each. */
  get problems(): string[] {
    return this.#read.problems.map(({ message }) => message)
  }

  onChange(callback: () => void): Disposable {
    this.#listeners.add(callback)
    return { [Symbol.dispose]: () => void this.#listeners.delete(callback) }
  }

  /** The built-in cluster keeps its connection while it is away, unless it comes back as another (with other keys). */
  builtinChanged(status: BuiltinStatus): void {
    const arrived = status.state === 'running' && this.#builtin.state !== 'running'
    this.#builtin = status
    if (status.state === 'running' && status.kubeconfig !== undefined) {
      const context = readContexts([status.kubeconfig]).contexts[0]
      if (context) this.#remember({ ...context, id: builtinId, source: 'built-in' })
    }
    this.#tell()
    // It is ours and near: it is greeted unasked, so that whoever waits for it sees it come.
    if (arrived) void this.connect(builtinId).catch(() => {})
  }

  /** Asks the server for its version. The outcome is also the context's state. */
  async connect(id: string, signal?: AbortSignal): Promise<string> {
    const known = this.#find(id)
    const connection = this.connection(id)
    connection.retryLogin()
    if (known.state.state !== 'live') this.#report(known, { state: 'connecting' })
    try {
      const { value } = await connection.json<{ gitVersion?: string }>('/version', signal ? { signal } : {})
      known.version = value.gitVersion ?? ''
    } catch (error) {
      if (signal?.aborted && known.state.state === 'connecting') this.#report(known, { state: 'idle' })
      // Who may not ask for the version may still use the rest.
      if (!(error instanceof StatusError && error.code === 403)) {
        if (known.state.state === 'connecting') this.#contact(known, { reached: false, error })
        throw error
      }
    }
    this.#report(known, { state: 'live', version: known.version })
    return known.version
  }

  connection(id: string): ApiConnection {
    const known = this.#find(id)
    if (known.connection) return known.connection
    const assertOpen = () => this.#protection.assertOpen(id, known.context.name)
    const connection =
      this.#options.connect?.(known.context) ??
      new ApiConnection(impersonating(known.context.access, known.viewedAs), {}, assertOpen)
    connection.onContact((contact) => this.#contact(known, contact))
    return (known.connection = connection)
  }

  /** Every kind in the version that the server prefers, asked anew. */
  async resources(id: string): Promise<ResourceInfo[]> {
    return preferred(await this.kinds(id, true))
  }

  /** Every kind in every version; from memory unless `fresh`. Those who ask at the same time share the answer. */
  async kinds(id: string, fresh = false): Promise<ResourceInfo[]> {
    const known = this.#find(id)
    const asked = (known.resources = (fresh ? undefined : known.resources) ?? discover(this.connection(id)))
    try {
      return await asked
    } catch (error) {
      if (known.resources === asked) delete known.resources
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#watcher[Symbol.dispose]()
    this.#abort.abort()
    this.#listeners.clear()
    for (const { abort } of this.#known.values()) abort.abort()
  }

  #find(id: string): Known {
    const known = this.#known.get(id)
    if (id === builtinId && (!known || this.#builtin.state === 'stopped' || this.#builtin.state === 'failed')) {
      const { state } = this.#builtin
      if (state === 'starting' || state === 'restarting')
        throw new Failure('Starting', 'The built-in cluster is starting.')
      throw new Failure('Stopped', 'The built-in cluster is not running.', 'Start it from the cluster menu.')
    }
    if (known) return known
    throw new Failure(
      'NotFound',
      `There is no context ${id}.`,
      'It may have been removed from the kubeconfig: choose another.',
    )
  }

  #builtinState(known: Known | undefined): ConnectionState {
    const { state, message, cure } = this.#builtin
    if (state === 'failed')
      return { state: 'failed', message: message ?? 'The built-in cluster cannot run.', ...(cure ? { cure } : {}) }
    if (state === 'stopped')
      return {
        state: 'failed',
        message: 'The built-in cluster is not running.',
        cure: 'Start it from the cluster menu.',
      }
    if (state === 'restarting' && known)
      return {
        state: 'reconnecting',
        since: known.contact,
        message: message ?? 'The built-in cluster is starting again.',
      }
    return state === 'running' && known ? known.state : { state: 'connecting' }
  }

  #reload(): void {
    const read = readContexts(this.#options.files)
    // A file caught half-written keeps what was known of it.
    const damaged = new Set(read.problems.map(({ file }) => file))
    const kept = this.#read.contexts.filter(({ source }) => damaged.has(source))
    this.#read = { contexts: [...read.contexts, ...kept], problems: read.problems }
    const present = new Set<string>([builtinId])
    for (const context of this.#read.contexts) {
      present.add(context.id)
      this.#remember(context)
    }
    for (const id of this.#known.keys()) if (!present.has(id)) this.#forget(id)
    this.#tell()
  }

  /** An unchanged context keeps its connection. */
  #remember(context: KubeconfigContext): void {
    const before = this.#known.get(context.id)
    if (before && before.context.access.fingerprint === context.access.fingerprint) {
      before.context = { ...context, access: before.context.access }
      return
    }
    this.#forget(context.id)
    this.#known.set(context.id, {
      context,
      state: { state: 'idle' },
      version: '',
      contact: Date.now(),
      abort: new AbortController(),
      probing: false,
    })
  }

  #forget(id: string): void {
    this.#known.get(id)?.abort.abort()
    this.#known.delete(id)
  }

  #contact(known: Known, contact: Pick<Contact, 'reached'> & { error?: unknown }): void {
    if (contact.reached) {
      known.contact = Date.now()
      if (known.state.state === 'live' || known.state.state === 'connecting') return
      this.#report(known, { state: 'live', version: known.version })
      if (known.version === '') void this.connect(known.context.id).catch(() => {})
      return
    }
    const { code, reason, message, cure } = toChannelError(contact.error)
    const lost = known.state.state === 'live' || known.state.state === 'reconnecting'
    // A login takes a person: looking for the server would not bring it about.
    if (lost && code !== 401 && reason !== 'Login') {
      this.#report(known, { state: 'reconnecting', since: known.contact, message })
      void this.#probe(known)
    } else this.#report(known, { state: 'failed', message, ...(cure ? { cure } : {}) })
  }

  /** Looks for a server that went away, also when no query does. */
  async #probe(known: Known): Promise<void> {
    if (known.probing) return
    known.probing = true
    const { signal } = known.abort
    for (let failures = 1; known.state.state === 'reconnecting' && !signal.aborted; failures++) {
      await pause(backOff(failures, 10_000), signal)
      if (known.state.state !== 'reconnecting') break
      await known.connection?.json('/version', { signal }).catch(() => {})
    }
    known.probing = false
  }

  #report(known: Known, state: ConnectionState): void {
    if (known.abort.signal.aborted || JSON.stringify(known.state) === JSON.stringify(state)) return
    known.state = state
    this.#tell()
  }

  #tell(): void {
    for (const callback of this.#listeners) callback()
  }
}

const absentBuiltin = { id: builtinId, name: 'wheelhouse', source: 'built-in', server: '' }

const infoOf = ({
  id,
  name,
  source,
  server,
  namespace,
}: Omit<KubeconfigContext, 'access'>): Omit<ContextInfo, 'builtin'> => ({
  id,
  name,
  source,
  server,
  ...(namespace ? { namespace } : {}),
})
