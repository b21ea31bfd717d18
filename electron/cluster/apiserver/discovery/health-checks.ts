import type { Store } from '../../store/api.ts'
import type { HealthCheck } from './health.ts'
import type { PathDeps } from './serve-path.ts'
import type { StartHooks } from './start-hooks.ts'

export interface Health {
  store: Store
  /** Aborted as soon as the server stops. */
  stopped: AbortSignal
  hooks: StartHooks
  /** Names of the APIServices that are waited for. */
  pending(): readonly string[]
}

/** The checks of a kube-apiserver, in its order. */
export function healthChecks({ store, stopped, hooks, pending }: Health): PathDeps['checks'] {
  // Whoever answers lives, and writes its log before it answers.
  const always = ['ping', 'log'].map((name): HealthCheck => ({ name, check: () => undefined }))
  const outage = (name: string): HealthCheck => ({ name, check: () => store.outage })
  const started = hooks.checks({
    name: 'autoregister-completion',
    check: () => (pending().length ? `missing APIService: [${pending().join(' ')}]` : undefined),
  })
  return {
    live: [...always, outage('etcd'), ...started],
    ready: [
      ...always,
      outage('etcd'),
      outage('etcd-readiness'),
      { name: 'informer-sync', check: () => hooks.unsynced },
      ...started,
      { name: 'shutdown', check: () => (stopped.aborted ? 'process is shutting down' : undefined) },
    ],
  }
}
