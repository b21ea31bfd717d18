import type { Endpoints } from 'kubernetes-types/core/v1'
import type { EndpointSlice } from 'kubernetes-types/discovery/v1'
import { expect, it } from 'vitest'
import { silentLogger } from '../../base/logger.ts'
import { kinds } from '../registry/index.ts'
import { smallCore } from '../testing/small-core.ts'
import { publishEndpoints } from './kubernetes-endpoints.ts'
import { ServerRecords } from './server-records.ts'

function setup() {
  const { core, clock, store, kind } = smallCore({ kinds })
  const server = (address: string, port: number) =>
    new ServerRecords({
      store,
      clock,
      logger: silentLogger,
      own: { address, port },
      publish: (servers) => publishEndpoints(core, servers),
    })
  const all = <T>(plural: string) => {
    const { objects } = kind(plural)
    return store.range(objects.prefixOf('default')).map((entry) => kind(plural).object(entry) as T)
  }
  const published = () =>
    all<Endpoints>('endpoints')[0]?.subsets?.flatMap(({ addresses, ports }) =>
      addresses!.map(({ ip }) => `${ip}:${ports![0]!.port}`),
    )
  const slices = () =>
    all<EndpointSlice>('endpointslices').map(
      ({ metadata, endpoints, ports }) =>
        `${metadata!.name} ${endpoints.map((e) => e.addresses[0])}:${ports![0]!.port}`,
    )
  /** What a server that was killed leaves behind. */
  const leaveRecord = async (address: string, port: number) => {
    const subsets = [{ addresses: [{ ip: address }], ports: [{ port }] }]
    await store.write([
      { key: `/registry/masterleases/${address}`, value: () => Buffer.from(JSON.stringify({ subsets })) },
    ])
  }
  return { clock, store, server, published, slices, leaveRecord }
}

it('publishes every server that lives, and takes one out when it stops', async () => {
  const { clock, server, published, slices } = setup()
  const [a, b, c] = [server('10.0.0.2', 6443), server('10.0.0.1', 6443), server('10.0.0.1', 7443)]
  for (const each of [a, b, c]) await each.start()
  expect(published()).toEqual(['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.1:7443'])
  expect(slices()).toEqual(['kubernetes 10.0.0.1,10.0.0.2:6443', 'kubernetes-7443 10.0.0.1:7443'])
  await clock.advance(60_000)
  expect(published()).toHaveLength(3)
  await c[Symbol.asyncDispose]()
  expect([published(), slices()]).toEqual([['10.0.0.1:6443', '10.0.0.2:6443'], ['kubernetes 10.0.0.1,10.0.0.2:6443']])
  await a[Symbol.asyncDispose]()
  await b[Symbol.asyncDispose]()
  expect(published()).toEqual(['10.0.0.1:6443'])
  expect(clock.pending).toBe(0)
})

it('takes out a server that has died, once its record is old', async () => {
  const { clock, store, server, published, leaveRecord } = setup()
  await leaveRecord('10.0.0.1', 6443)
  const living = server('10.0.0.2', 6443)
  await living.start()
  await clock.advance(12_000)
  expect(published()).toHaveLength(2)
  await clock.advance(10_000)
  expect(published()).toEqual(['10.0.0.2:6443'])
  expect(store.count('/registry/masterleases/')).toBe(1)
  await living[Symbol.asyncDispose]()
})
