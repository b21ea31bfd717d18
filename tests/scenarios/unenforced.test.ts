import type { Event } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { up } from '../support/cluster.ts'
import { eventually } from '../support/wait.ts'

const policy = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { generateName: 'deny-' },
  spec: { podSelector: {} },
}

it('a policy that nothing can enforce is taken with a warning, and an event says why', async () => {
  await using cluster = await up([], undefined, { env: { WHEELHOUSE_POD_NETWORK: 'mapped' } })
  const k = cluster.kubectl
  const warning =
    'Warning: nothing on this machine acts on networkpolicies: pods share the network of this machine; the object is stored, and that is all'
  await eventually('the warning', async () =>
    (await k.run(['create', '-f', '-'], JSON.stringify(policy))).stderr.includes(warning),
  )
  const told = await eventually('the event', async () => {
    const { items } = await k.json<{ items: Event[] }>(
      'get',
      'events',
      '--field-selector=involvedObject.kind=NetworkPolicy',
    )
    return items[0]
  })
  expect(told).toMatchObject({ type: 'Warning', reason: 'NotEnforced', involvedObject: { namespace: 'default' } })
})
