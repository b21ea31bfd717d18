import type { KubeObject } from '#shared/kube/object.ts'
import { events } from '#shared/kube/resources.ts'
import { FakeClock } from '../../../base/fake-clock.ts'
import { silentLogger } from '../../../base/logger.ts'
import { seededRandom, type Random } from '../../../base/random.ts'
import { TraceRing } from '../../../base/trace.ts'
import { ApiEventRecorder } from '../../../client/event-recorder.ts'
import type { KubeClient } from '../../../client/api.ts'
import { fencedClient } from '../../../client/fenced-client.ts'
import { InformerFactory } from '../../../client/informer-factory.ts'
import { FakeClient } from '../../../client/testing/fake-client.ts'
import { startController, type Controller } from '../controller.ts'

export interface Harness extends AsyncDisposable {
  readonly clock: FakeClock
  readonly client: FakeClient
  readonly informers: InformerFactory
  readonly trace: TraceRing
  readonly random: Random
  /** Lets everything happen that needs no more than `ms` milliseconds. */
  run(ms?: number): Promise<void>
  /** Reasons and messages of the Events recorded so far. */
  events(): string[]
  /** Ends the controllers and their caches, and starts new ones that know only what the server has. */
  restart(): Promise<void>
  /**
   * Starts new controllers while the old ones go on, which are held up and have not noticed that they lead no more: as
   * with real ones, they may write nothing. Answers what ends the old ones.
   */
  succeed(): Promise<() => Promise<void>>
}

export type HarnessParts = Omit<Harness, keyof AsyncDisposable | 'run' | 'events' | 'restart' | 'succeed'>

/** Runs controllers against a fake API server under a fake clock. `between`: what lies between them and the server. */
export async function harness(
  controllers: (parts: HarnessParts) => readonly Controller[],
  objects: readonly KubeObject[] = [],
  random: Random = seededRandom(7),
  between: (client: KubeClient) => KubeClient = (client) => client,
): Promise<Harness> {
  const clock = new FakeClock()
  const client = new FakeClient({ clock, random, objects })
  const trace = new TraceRing({ clock })
  let term = 0
  const launch = () => {
    const own = ++term
    const acting = fencedClient(between(client), () => own === term)
    const informers = new InformerFactory({ client: acting, clock, random, logger: silentLogger })
    const running = controllers({ clock, client, informers, trace, random }).map((controller) => {
      const source = { component: controller.eventSource ?? controller.name }
      const recorder = new ApiEventRecorder({ client: acting, clock, logger: silentLogger, source })
      const user = `user of ${controller.name}`
      const deps = { user, client: acting, recorder, clock, random, trace, logger: silentLogger }
      return { recorder, controller: startController(deps, controller) }
    })
    const end = async () => {
      await Promise.all(running.map(({ controller }) => controller[Symbol.asyncDispose]()))
      await Promise.all(running.map(({ recorder }) => recorder[Symbol.asyncDispose]()))
      await informers[Symbol.asyncDispose]()
    }
    return { informers, end }
  }
  let launched = launch()
  const run = (ms = 0) => clock.advance(ms)
  await run()
  return {
    clock,
    client,
    trace,
    random,
    get informers() {
      return launched.informers
    },
    run,
    events: () => client.stored(events).map((e) => `${e.reason}: ${e.message}`),
    async restart() {
      await launched.end()
      launched = launch()
      await run()
    },
    async succeed() {
      const old = launched
      launched = launch()
      await run()
      return old.end
    },
    [Symbol.asyncDispose]: () => launched.end(),
  }
}
