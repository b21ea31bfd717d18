import { expect, it } from 'vitest'
import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { namespaces, networkPolicies, pods, type ResourceType } from '#shared/kube/resources.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import type { TableContent } from '../nftables/content.ts'
import { NetworkPolicies, type NetworkPoliciesDeps } from './network-policies.ts'

const policy = (resourceVersion: string, labels: Record<string, string>) => ({
  metadata: { name: 'closed', namespace: 'shop', resourceVersion },
  spec: { podSelector: { matchLabels: labels }, policyTypes: ['Egress'] },
})

/** An informer that has come as far as `revision`. */
const informer = (items: readonly KubeObject[], revision: string) => ({
  whenSynced: () => Promise.resolve(),
  handle() {},
  revision,
  lister: { list: () => items, get: (key: string) => items.find((item) => keyOf(item) === key) },
})

it('holds a pod back by a policy as it is, where the informer has an older one of it', async () => {
  const pod = { metadata: { name: 'web', namespace: 'shop', uid: 'u', labels: { app: 'web' } }, spec: {} }
  const informers = new Map<ResourceType, unknown>([
    [networkPolicies, informer([policy('5', { app: 'other' })], '5')],
    [pods, informer([pod], '10')],
    [namespaces, informer([{ metadata: { name: 'shop' } }], '1')],
  ])
  const applied: TableContent[] = []
  const policies = new NetworkPolicies({
    client: {
      list: () => Promise.resolve({ metadata: { resourceVersion: '10' }, items: [policy('9', { app: 'web' })] }),
    },
    informers: { for: (type: ResourceType) => informers.get(type) },
    clock: new FakeClock(),
    logger: silentLogger,
    podCidrs: ['10.244.0.0/24'],
    standIns: [],
    table: { apply: (content: TableContent) => Promise.resolve(void applied.push(content)) },
  } as unknown as NetworkPoliciesDeps)
  await policies.admit('10.244.0.9', { namespace: 'shop', name: 'web', uid: 'u' })
  expect([...(applied.at(-1)?.sets.get('egress')?.elements?.keys() ?? [])]).toEqual(['10.244.0.9'])
})
