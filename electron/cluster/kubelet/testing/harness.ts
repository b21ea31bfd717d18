import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as realSleep } from 'node:timers/promises'
import type { Event, Pod as PodObject } from 'kubernetes-types/core/v1'
import { events, pods } from '#shared/kube/resources.ts'
import { FakeClock, settle } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { seededRandom } from '../../base/random.ts'
import { FakeClient } from '../../client/testing/fake-client.ts'
import { FakeRuntime } from '../../runtime/testing/fake-runtime.ts'
import { PullRecords } from '../images/pull-records.ts'
import { Kubelet } from '../kubelet.ts'
import type { Pod } from '../types.ts'

/** A kubelet with everything around it in memory, but for the files of its pods. */
export class Harness {
  readonly clock = new FakeClock()
  readonly client = new FakeClient({ clock: this.clock })
  readonly runtime = new FakeRuntime(this.clock)
  /** What is left of the machine. */
  signals = { memoryBytes: 2 ** 33, diskBytes: 2 ** 36, diskCapacityBytes: 2 ** 37, inodes: 1e6, inodeCapacity: 1e7 }
  directory = ''
  /** Shared with another node of the same machine; by default of its own. */
  pullRecords: PullRecords | undefined
  kubelet: Kubelet | undefined

  async start(): Promise<this> {
    this.directory ||= await mkdtemp(path.join(os.tmpdir(), 'kubelet-test-'))
    this.kubelet = await Kubelet.start(
      {
        name: 'node-1',
        client: this.client,
        runtime: this.runtime,
        pullRecords: this.pullRecords ?? new PullRecords(path.join(this.directory, 'image-pulls.json')),
        clock: this.clock,
        random: seededRandom(1),
        logger: silentLogger,
        directory: this.directory,
        addresses: [{ type: 'InternalIP', address: '192.168.0.2' }],
        port: 10_250,
        dns: { address: '10.96.0.10', domain: 'cluster.local' },
        kubeletVersion: 'v1.36.2+wheelhouse',
        signals: async () => this.signals,
      },
      new AbortController().signal,
    )
    return this
  }

  /** As when the agent's process ends: pods and their containers stay. */
  async stopAgent(): Promise<void> {
    await this.kubelet?.[Symbol.asyncDispose]()
    this.kubelet = undefined
    await this.clock.advance(1)
  }

  async stop(): Promise<void> {
    await this.stopAgent()
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 })
  }

  run(pod: Pod): PodObject {
    return this.client.seed(pod as unknown as PodObject)
  }

  pod(name = 'web-1'): PodObject | undefined {
    return this.client.find(pods, { namespace: 'shop', name })
  }

  /** Reasons of the events about pods, in order, and their messages by reason. */
  get events(): { reason: string; message: string; count: number }[] {
    return this.client
      .stored<Event>(events)
      .map(({ reason = '', message = '', count = 1 }) => ({ reason, message, count }))
  }

  message(reason: string): string | undefined {
    return this.events.find((event) => event.reason === reason)?.message
  }

  /** Lets what can happen without time passing happen, files included, until the condition holds. */
  async until<T>(condition: () => T): Promise<T> {
    for (const started = performance.now(); performance.now() - started < patience;) {
      const value = condition()
      if (value) return value
      await settle()
      // Files take real time, which nothing else here does.
      await realSleep(1)
    }
    const state = { pods: this.client.stored(pods), calls: this.runtime.calls, events: this.events }
    throw new Error(`never came true: ${condition.toString()}\n${JSON.stringify(state, null, 1)}`)
  }

  /** Lets time pass in small steps, so that what is triggered meanwhile happens meanwhile. */
  async pass(ms: number, step = 500): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      await this.#rest()
      await this.clock.advance(Math.min(step, left))
    }
    await this.#rest()
  }

  async #rest(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await settle()
      await realSleep(1)
    }
  }
}

/** Of `until`, in real milliseconds: only a test that fails waits so long. */
const patience = 20_000
