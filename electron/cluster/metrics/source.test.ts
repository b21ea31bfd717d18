import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { FakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { seededRandom } from '../base/random.ts'
import { InformerFactory } from '../client/informer-factory.ts'
import { FakeClient } from '../client/testing/fake-client.ts'
import type { Measured } from './samples.ts'
import { UsageSource } from './source.ts'

const node = (name: string, simulated = false): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: simulated ? { 'wheelhouse.dev/simulated': 'true' } : {} },
})

function pod(
  name: string,
  nodeName: string,
  { annotations = {}, requests, phase = 'Running' }: { annotations?: object; requests?: object; phase?: string } = {},
): KubeObject {
  const containers = [{ name: 'c', ...(requests ? { resources: { requests } } : {}) }]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', uid: name, labels: { app: name }, annotations },
    spec: { nodeName, containers },
    status: { phase },
  } as KubeObject
}

const measured: Measured = { at: 1_000, window: 10_018, nanoCores: 2_500_000, memoryBytes: 3 * 1024 * 1024 }

function source(...objects: KubeObject[]): UsageSource {
  const clock = new FakeClock()
  const client = new FakeClient({ clock, objects })
  return new UsageSource({
    informers: new InformerFactory({ client, clock, random: seededRandom(1), logger: silentLogger }),
    clock,
    samples: {
      node: (name) => (name === 'real' ? { ...measured, nanoCores: 5e8 } : undefined),
      pod: (uid) => (uid === 'web' ? new Map([['c', measured]]) : undefined),
    },
  })
}

describe('of pods', () => {
  it('answers what the kubelet measured, with the labels that selectors look for', async () => {
    const [web, ...others] = await source(node('real'), pod('web', 'real'), pod('new', 'real')).pods('shop')
    expect(web).toMatchObject({
      metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
      window: '10.018s',
      containers: [{ name: 'c', usage: { cpu: '2500u', memory: '3Mi' } }],
    })
    expect(others).toEqual([])
  })

  it('leaves out those that do not run', async () => {
    expect(await source(node('real'), pod('web', 'real', { phase: 'Succeeded' })).pods('shop')).toEqual([])
  })

  it('takes for simulated ones what their annotations say, or part of what they request', async () => {
    const usages = await source(
      node('sim', true),
      pod('told', 'sim', { annotations: { 'wheelhouse.dev/usage-cpu': '250m', 'wheelhouse.dev/usage-memory': '1Gi' } }),
      pod('asks', 'sim', { requests: { cpu: '100m', memory: '64Mi' } }),
      pod('slip', 'sim', { annotations: { 'wheelhouse.dev/usage-cpu': 'lots' } }),
    ).pods(undefined)
    expect(
      Object.fromEntries(usages.map(({ metadata, containers }) => [metadata?.name, containers[0]?.usage])),
    ).toEqual({
      told: { cpu: '250m', memory: '1Gi' },
      asks: { cpu: '50m', memory: '64Mi' },
      slip: { cpu: '1m', memory: '8Mi' },
    })
  })
})

describe('of nodes', () => {
  it('answers what the machine measured, and for a simulated one what its pods use', async () => {
    const usages = await source(
      node('real'),
      node('mute'),
      node('sim', true),
      node('idle', true),
      pod('a', 'sim', { requests: { cpu: '1', memory: '1Gi' } }),
      pod('b', 'sim', { requests: { cpu: '1', memory: '1Gi' } }),
    ).nodes()
    expect(Object.fromEntries(usages.map(({ metadata, usage }) => [metadata?.name, usage]))).toEqual({
      real: { cpu: '500m', memory: '3Mi' },
      sim: { cpu: '1', memory: '2Gi' },
      idle: { cpu: '0', memory: '0' },
    })
  })
})
