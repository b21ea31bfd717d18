import type { HealthCheck } from './health.ts'

/**
 * What a server has to do before it is ready, under the names of a kube-apiserver's hooks and in the order in which it
 * lists them.
 */
const hooks = [
  'start-apiserver-admission-initializer',
  'generic-apiserver-start-informers',
  'priority-and-fairness-config-consumer',
  'priority-and-fairness-filter',
  'storage-object-count-tracker-hook',
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'start-system-namespaces-controller',
  'peer-endpoint-reconciler-controller',
  'start-cluster-authentication-info-controller',
  'start-kube-apiserver-identity-lease-controller',
  'start-kube-apiserver-identity-lease-garbage-collector',
  'storage-readiness',
  'start-legacy-token-tracking-controller',
  'start-service-ip-repair-controllers',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'bootstrap-controller',
  'start-kubernetes-service-cidr-controller',
  'aggregator-reload-proxy-client-cert',
  'start-kube-aggregator-informers',
  'apiservice-status-local-available-controller',
  'apiservice-status-remote-available-controller',
  'apiservice-registration-controller',
  'apiservice-discovery-controller',
  'kube-apiserver-autoregistration',
  'apiservice-openapi-controller',
  'apiservice-openapiv3-controller',
] as const

export type StartHook = (typeof hooks)[number]

/** Those after which something stored is followed. */
const informers: readonly StartHook[] = [
  'generic-apiserver-start-informers',
  'start-apiextensions-informers',
  'start-kube-aggregator-informers',
]

/** How far the start of a server is. */
export class StartHooks {
  readonly #finished = new Set<StartHook>()

  /** From now on these are well. */
  finished(...names: readonly StartHook[]): void {
    for (const name of names) this.#finished.add(name)
  }

  /** One check for each; `autoregistered` is the check that comes right behind the hook of that work. */
  checks(autoregistered: HealthCheck): HealthCheck[] {
    return hooks.flatMap((hook) => {
      const check = () => (this.#finished.has(hook) ? undefined : 'not finished')
      const own = { name: `poststarthook/${hook}`, check }
      return hook === 'kube-apiserver-autoregistration' ? [own, autoregistered] : [own]
    })
  }

  /** Why not everything is followed yet that has to be. */
  get unsynced(): string | undefined {
    const left = informers.filter((name) => !this.#finished.has(name))
    return left.length ? `${left.length} informers not started yet: [${left.join(' ')}]` : undefined
  }
}
