import { createServer } from 'node:http'
import type { Place } from '../api.ts'
import { LocalhostPort } from './localhost-port.ts'
import type { ServiceHealth } from './rules.ts'
import { bind, type Listener } from './tcp-listener.ts'

/** Tells load balancers from outside, over HTTP, whether a Service has endpoints here (upstream: kube-proxy's ServiceHealthServer). */
export class HealthCheck {
  #health: ServiceHealth
  readonly #port: LocalhostPort

  constructor(health: ServiceHealth, hosts: readonly [string, ...string[]]) {
    this.#health = health
    this.#port = new LocalhostPort([health.port], (place) => this.#listen(place), hosts)
  }

  get port(): number {
    return this.#port.wanted
  }

  /** Why nothing answers. */
  get problem(): LocalhostPort['problem'] {
    return this.#port.problem
  }

  /** What it tells from now on. Called again it tries for a port that it could not have. */
  async serve(health: ServiceHealth): Promise<void> {
    this.#health = health
    await this.#port.open()
  }

  close(): Promise<void> {
    return this.#port.close()
  }

  async #listen({ host, port }: Place): Promise<Listener> {
    const server = createServer((request, response) => {
      const { service, localEndpoints } = this.#health
      const { namespace, name } = service
      response.writeHead(localEndpoints ? 200 : 503, {
        'Content-Type': 'application/json',
        'X-Content-Type-Options': 'nosniff',
        'X-Load-Balancing-Endpoint-Weight': localEndpoints,
      })
      response.end(
        JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true }, null, '\t'),
      )
    })
    await bind(server, host, port)
    return {
      host,
      port,
      async [Symbol.asyncDispose]() {
        server.close()
        server.closeAllConnections()
      },
    }
  }
}
