import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { FakeClock } from '../../base/fake-clock.ts'
import { memoryKeyFiles } from '../pki/key-files.ts'
import { openPki } from '../pki/pki.ts'
import type { UserInfo } from '../registry/kind.ts'
import type { Exchange } from '../transport/exchange.ts'
import { authenticator } from './authenticate.ts'
import { anonymous } from './user.ts'

const day = 24 * 3600_000
const clock = new FakeClock()
const pki = openPki({ files: memoryKeyFiles(), clock })
const authenticate = authenticator(
  { verify: () => undefined },
  { clients: pki.authority, frontProxies: openPki({ files: memoryKeyFiles(), clock }).authority, frontProxyNames: [] },
)
const who = (exchange: Exchange) => authenticate(exchange) as UserInfo

function connection({ authorized = true, shows = true } = {}): Exchange {
  const { certificate } = pki.clientFor({ user: 'jane', groups: ['people'] })
  const socket = { authorized, getPeerX509Certificate: () => (shows ? new X509Certificate(certificate) : undefined) }
  return { peer: { socket, address: '', clock }, header: () => undefined } as never
}

it('a connection is whose its certificate says while that is good, and nobody is it later or before', () => {
  const exchange = connection()
  expect(authenticate(exchange)).toMatchObject({ name: 'jane', groups: ['people', 'system:authenticated'] })
  clock.jump(366 * day)
  expect(() => authenticate(exchange)).toThrow('Unauthorized')
  clock.jump(-367 * day)
  expect(() => authenticate(exchange)).toThrow('Unauthorized')
  clock.jump(day)
  expect(who(exchange).name).toBe('jane')
})

it('a certificate of somebody else makes nobody, and no certificate makes anonymous', () => {
  expect(() => authenticate(connection({ authorized: false }))).toThrow('Unauthorized')
  expect(authenticate(connection({ shows: false }))).toEqual(anonymous)
})
