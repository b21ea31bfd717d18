import { expect, it } from 'vitest'
import { pods } from '#shared/kube/resources.ts'
import { FakeClock } from '../base/fake-clock.ts'
import { fencedClient } from './fenced-client.ts'
import { FakeClient } from './testing/fake-client.ts'

it('reads for ever, and writes only while it may', async () => {
  const server = new FakeClient({ clock: new FakeClock() })
  let may = true
  const client = fencedClient(server, () => may)
  const key = { namespace: 'default', name: 'p' }
  const pod = await client.create(pods, { metadata: key, spec: { containers: [] } })
  may = false
  expect(await client.get(pods, key)).toMatchObject({ metadata: key })
  const writes = [
    client.create(pods, { metadata: { name: 'q' } }),
    client.update(pods, pod),
    client.patch(pods, key, 'merge', {}),
    client.delete(pods, key),
    client.post(pods, key, 'eviction', {}),
  ]
  for (const write of writes) await expect(write).rejects.toThrow('another process leads by now')
  expect(server.writes()).toHaveLength(1)
})
