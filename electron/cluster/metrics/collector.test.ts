import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { FakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { seededRandom } from '../base/random.ts'
import { InformerFactory } from '../client/informer-factory.ts'
import { FakeClient } from '../client/testing/fake-client.ts'
import { startCollector, type Kubelet } from './collector.ts'
import { Samples, type Summary } from './samples.ts'

const node = (name: string, host: string, labels = {}): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    status: {
      addresses: [{ type: 'InternalIP', address: host }],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    },
  }) as KubeObject

const summaryAt = (clock: FakeClock): Summary => {
  const time = new Date(clock.now()).toISOString()
  const startTime = new Date(clock.now() - 10_000).toISOString()
  return {
    node: { startTime, cpu: { time, usageCoreNanoSeconds: 1e9 }, memory: { workingSetBytes: 1 } },
    pods: [],
  }
}

function start(answer: (kubelet: Kubelet, clock: FakeClock) => Promise<Summary>) {
  const clock = new FakeClock()
  const samples = new Samples()
  const asked: string[] = []
  const client = new FakeClient({
    clock,
    objects: [
      node('a', '10.0.0.1'),
      node('a-2', '10.0.0.1'),
      node('b', '10.0.0.2'),
      node('s', '10.0.0.3', { 'wheelhouse.dev/simulated': 'true' }),
    ],
  })
  const collector = startCollector({
    informers: new InformerFactory({ client, clock, random: seededRandom(1), logger: silentLogger }),
    clock,
    samples,
    logger: silentLogger,
    summary(kubelet) {
      asked.push(kubelet.host)
      return answer(kubelet, clock)
    },
  })
  return { clock, samples, asked, collector }
}

it('asks each kubelet once a round, however many nodes it has, and no simulated one', async () => {
  const { clock, samples, asked, collector } = start(async (_, now) => summaryAt(now))
  await clock.advance(0)
  expect(asked.sort()).toEqual(['10.0.0.1', '10.0.0.2'])
  expect(['a', 'a-2', 'b', 's'].filter((name) => samples.node(name))).toEqual(['a', 'a-2', 'b'])
  await clock.advance(10_000)
  expect(asked).toHaveLength(4)
  collector[Symbol.dispose]()
  await clock.advance(60_000)
  expect(asked).toHaveLength(4)
})

it('goes without a kubelet that fails, and without its old figures', async () => {
  let healthy = true
  const { clock, samples, collector } = start(async ({ host }, now) => {
    if (host === '10.0.0.2' && !healthy) throw new Error('connect ECONNREFUSED')
    return summaryAt(now)
  })
  await clock.advance(0)
  healthy = false
  await clock.advance(10_000)
  expect(samples.node('a')).toBeDefined()
  expect(samples.node('b')).toBeUndefined()
  collector[Symbol.dispose]()
})
