import type { Lease } from 'kubernetes-types/coordination/v1'
import { expect, it } from 'vitest'
import { microTimestamp } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { createObject } from '../handlers/create.ts'
import { kinds as coordination } from '../registry/coordination/index.ts'
import { smallCore } from '../testing/small-core.ts'
import { smallKinds } from '../testing/kinds.ts'
import { IdentityLease } from './identity-lease.ts'

const leases = { group: 'coordination.k8s.io', plural: 'leases' }

it('says in a Lease that the server lives, and removes those of servers that have said so for the last time', async () => {
  const { core, clock, op } = smallCore({ kinds: [...smallKinds, ...coordination] })
  const listed = () => core.services.list<Lease>(leases, 'kube-system')
  const lease = (name: string, ago: number, identity: string) =>
    createObject(core, op('leases', '', { namespace: 'kube-system' }), {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, labels: { 'apiserver.kubernetes.io/identity': identity } },
      spec: { leaseDurationSeconds: 3600, renewTime: microTimestamp(clock.now() - ago) },
    } as Lease)
  await lease('apiserver-dead', 3_601_000, 'kube-apiserver')
  await lease('apiserver-other', 3_000_000, 'kube-apiserver')
  await lease('extension', 3_601_000, 'something-else')
  const own = { address: '127.0.0.1', port: 6443 }
  await using identity = new IdentityLease({ core, clock, logger: silentLogger, own })
  await identity.start()
  const [mine, ...others] = listed().filter(({ metadata }) => metadata!.name !== 'apiserver-other')
  expect(others.map(({ metadata }) => metadata!.name)).toEqual(['extension'])
  expect(mine).toMatchObject({
    metadata: { name: expect.stringMatching(/^apiserver-[0-9a-f]{26}$/) },
    spec: { holderIdentity: expect.stringContaining(`${mine!.metadata!.name}_`), leaseDurationSeconds: 3600 },
  })
  await clock.advance(10_000)
  const renewed = () => listed().find(({ metadata }) => metadata!.name === mine!.metadata!.name)?.spec?.renewTime
  expect(renewed()).toBe(microTimestamp(clock.now()))
  await clock.advance(3_600_000)
  expect(listed().map(({ metadata }) => metadata!.name)).toEqual([mine!.metadata!.name, 'extension'])
})
