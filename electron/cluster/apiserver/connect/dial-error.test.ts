import { expect, it } from 'vitest'
import { dialError } from './dial-error.ts'

const failure = (more: object) => Object.assign(new Error('as Node says it'), more)

it.each([
  [{ code: 'ECONNREFUSED', address: '10.0.0.1', port: 443 }, 'dial tcp 10.0.0.1:443: connect: connection refused'],
  [{ code: 'ECONNREFUSED', address: '::1', port: 443 }, 'dial tcp [::1]:443: connect: connection refused'],
  [{ code: 'ETIMEDOUT', address: '10.0.0.1', port: 443 }, 'dial tcp 10.0.0.1:443: i/o timeout'],
  [{ code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'x' }, 'dial tcp: lookup x: no such host'],
  [
    { code: 'CERT_HAS_EXPIRED' },
    'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  ],
  [{}, 'as Node says it'],
])('tells %j as Go does', (error, text) => {
  expect(dialError(failure(error))).toBe(text)
})
