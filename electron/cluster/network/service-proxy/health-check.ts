import { createServer } from 'node:http'
import type { Place } from '../api.ts'
import { ListeningPort } from '../listeners/listening-port.ts'
import type { ServiceHealth } from './rules.ts'
import { bind, type Listener } from '../listeners/tcp-listener.ts'

/** By the address at which it is told. */
export type HealthByAddress = ReadonlyMap<string, ServiceHealth>

/**
 * Tells load balancers from outside, over HTTP, whether a Service has endpoints where they ask (upstream: kube-proxy's
 * ServiceHealthServer).
 */
export class HealthCheck {
  #health: HealthByAddress
  readonly #port: ListeningPort

  constructor(port: number, health: HealthByAddress) {
    this.#health = health
    const hosts = [...health.keys()] as [string, ...string[]]
    this.#port = new ListeningPort([port], (place) => this.#listen(place), hosts)
  }

  get port(): number {
    return this.#port.wanted
  }

  /** Why nothing answers. */
  get problem(): ListeningPort['problem'] {
    return this.#port.problem
  }

  /** What it tells from now on. Called again it tries for a port that it could not have. */
  async serve(health: HealthByAddress): Promise<void> {
    this.#health = health
    await this.#port.open()
  }

  close(): Promise<void> {
    return this.#port.close()
  }

  async #listen({ host, port }: Place): Promise<Listener> {
    const server = createServer((request, response) => {
      const { service, localEndpoints } = this.#health.get(host)!
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
