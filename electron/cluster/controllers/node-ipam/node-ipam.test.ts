import { expect, it } from 'vitest'
import { nodes } from '#shared/kube/resources.ts'
import { node } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { nodeIpamController } from './controller.ts'

const start = (podCidr: string, ...names: string[]) =>
  harness(
    (parts) => [nodeIpamController({ ...parts, podCidr })],
    names.map((name) => node(name)),
  )
const ranges = (h: Harness) => h.client.stored(nodes).map((n) => n.spec?.podCIDRs?.join() ?? '')

it('gives each node a range of its own, also when many come at once', async () => {
  await using h = await start('10.244.0.0/16', 'a', 'b', 'c')
  h.client.seed(node('d'))
  h.client.seed(node('e'))
  await h.run()
  expect(ranges(h)).toEqual(['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24', '10.244.4.0/24'])
})

it('keeps what nodes have and gives freed ranges again', async () => {
  await using h = await start('10.244.0.0/16', 'a', 'b')
  h.client.remove(nodes, { name: 'a' })
  h.client.seed(node('c'))
  await h.run()
  expect(ranges(h)).toEqual(['10.244.1.0/24', '10.244.0.0/24'])
})

it('says when there is no range left, and finds one when a node goes', async () => {
  await using h = await start('10.244.0.0/23', 'a', 'b', 'c')
  expect([ranges(h), h.events()]).toEqual([
    ['10.244.0.0/24', '10.244.1.0/24', ''],
    ['CIDRNotAvailable: Node c status is now: CIDRNotAvailable'],
  ])
  h.client.remove(nodes, { name: 'a' })
  await h.run(31_000)
  expect(ranges(h)).toEqual(['10.244.1.0/24', '10.244.0.0/24'])
})

it('tells a node once that there is no range for it, and is not woken by heartbeats', async () => {
  await using h = await start('10.244.0.0/24', 'a', 'b')
  const before = h.client.actions.length
  for (const lastHeartbeatTime of ['2026-01-01T00:00:10Z', '2026-01-01T00:05:10Z'])
    h.client.change(nodes, { name: 'b' }, (n) =>
      Object.assign(n, { status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime }] } }),
    )
  h.client.seed(node('c'))
  await h.run(60_000)
  expect(h.events()).toEqual([
    'CIDRNotAvailable: Node b status is now: CIDRNotAvailable',
    'CIDRNotAvailable: Node c status is now: CIDRNotAvailable',
  ])
  expect(h.client.actions.slice(before).filter(({ resource }) => resource === 'nodes')).toEqual([])
})
