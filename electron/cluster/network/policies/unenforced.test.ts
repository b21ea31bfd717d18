import { expect, it, vi } from 'vitest'
import { events, networkPolicies } from '#shared/kube/resources.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { systemRandom as random } from '../../base/random.ts'
import { FakeClient } from '../../client/testing/fake-client.ts'
import { reportUnenforced } from './unenforced.ts'

it('tells of every policy that nothing is held back, and why', async () => {
  const clock = new FakeClock()
  const client = new FakeClient({ clock })
  const metadata = { name: 'deny', namespace: 'x' }
  await client.create(networkPolicies, { metadata, spec: { podSelector: {} } })
  await using _ = reportUnenforced({ client, clock, random, logger: silentLogger }, 'pods share a network')
  await vi.waitFor(async () => {
    const { items } = await client.list(events, { namespace: 'x' })
    expect(items).toEqual([
      expect.objectContaining({
        type: 'Warning',
        reason: 'NotEnforced',
        message: 'The policy holds no packet back: pods share a network',
        involvedObject: expect.objectContaining({ kind: 'NetworkPolicy', name: 'deny' }),
      }),
    ])
  })
})
