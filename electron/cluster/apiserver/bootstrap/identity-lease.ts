import type { Lease } from 'kubernetes-types/coordination/v1'
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { isNotFound } from '#shared/kube/status.ts'
import { microTimestamp, type Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Core } from '../handlers/operation.ts'
import { metadataOf } from '../metadata/metadata.ts'
import { fillSystemFields } from '../metadata/system-fields.ts'
import type { ServerAddress } from './server-records.ts'

export interface IdentityLeaseDeps {
  core: Core
  clock: Clock
  logger: Logger
  own: ServerAddress
}

const leases = { group: 'coordination.k8s.io', plural: 'leases' }
const namespace = 'kube-system'
const identityLabel = 'apiserver.kubernetes.io/identity'
const component = 'kube-apiserver'
const renewEvery = 10_000
const lifeSeconds = 3600
const collectEvery = 3_600_000

/**
 * The Lease in kube-system that says of this server that it lives, and the end of those that servers left which do so no
 * longer. Source: pkg/controlplane/apiserver/server.go and controller/apiserverleasegc.
 */
export class IdentityLease implements AsyncDisposable {
  readonly #deps: IdentityLeaseDeps
  readonly #name: string
  readonly #holder: string
  readonly #stopped = new AbortController()
  #loops: Promise<unknown> = Promise.resolve()

  constructor(deps: IdentityLeaseDeps) {
    this.#deps = deps
    // Upstream has the host's name alone, and one server on a host.
    const { address, port } = deps.own
    const hash = createHash('sha256').update(`${hostname()} ${address}:${port}`).digest('hex')
    this.#name = `apiserver-${hash.slice(0, 26)}`
    this.#holder = `${this.#name}_${deps.core.random.uuid()}`
  }

  /** Resolves when the Lease is there and those that have run out are not, or when that could not be done at once. */
  async start(): Promise<void> {
    if (!this.#deps.core.kinds.resource(leases.group, leases.plural)?.stored) return
    const [renew, collect] = [() => this.#renew(), () => this.#collect()]
    await this.#try(renew)
    await this.#try(collect)
    this.#loops = Promise.all([this.#repeat(renewEvery, renew), this.#repeat(collectEvery, collect)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort()
    await this.#loops
  }

  async #repeat(interval: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      await this.#deps.clock.sleep(interval, signal).catch(() => {})
      if (!signal.aborted) await this.#try(work)
    }
  }

  async #try(work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) =>
      this.#deps.logger.debug('the Lease of this server could not be kept', { error: String(error) }),
    )
  }

  async #renew(): Promise<void> {
    const { core } = this.#deps
    const change = (lease: Lease) => Object.assign(lease, this.#renewed(lease))
    await core.services.update<Lease>(leases, namespace, this.#name, change).catch(async (error: unknown) => {
      if (!isNotFound(error)) throw error
      // Past admission: a webhook that does not answer must not hold up the start.
      const { objects } = core.kinds.resource(leases.group, leases.plural)!
      const made = this.#renewed({ metadata: { name: this.#name, namespace } })
      fillSystemFields(metadataOf(made), core)
      await objects.put(objects.keyOf(namespace, this.#name), made, 0)
    })
  }

  #renewed({ metadata, spec }: Lease): Lease {
    const labels = { ...metadata?.labels, [identityLabel]: component, 'kubernetes.io/hostname': hostname() }
    const renewTime = microTimestamp(this.#deps.clock.now())
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...metadata, labels },
      spec: { ...spec, holderIdentity: this.#holder, leaseDurationSeconds: lifeSeconds, renewTime },
    }
  }

  async #collect(): Promise<void> {
    const { core, clock } = this.#deps
    const gone = core.services.list<Lease>(leases, namespace).filter(({ metadata, spec }) => {
      const end = Date.parse(spec?.renewTime ?? '') + (spec?.leaseDurationSeconds ?? 0) * 1000
      return metadata?.labels?.[identityLabel] === component && !(end >= clock.now())
    })
    await Promise.all(
      gone.map(({ metadata }) =>
        core.services.delete(leases, namespace, metadata!.name!, {}).catch((error: unknown) => {
          if (!isNotFound(error)) throw error
        }),
      ),
    )
  }
}
