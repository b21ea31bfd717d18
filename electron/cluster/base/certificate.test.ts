import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { addressBytes, createAuthority, issue } from './certificate.ts'

const year = 365 * 24 * 3600 * 1000
const notBefore = Date.UTC(2026, 0, 1)

const authorityName = { commonName: 'wheelhouse-ca' }
const authority = createAuthority({ ...authorityName, notBefore, notAfter: notBefore + 30 * year })

it('makes an authority that signs what others can verify', () => {
  const root = new X509Certificate(authority.certificate)
  const { certificate } = issue(authority, authorityName, {
    commonName: 'x',
    usage: 'client',
    notBefore,
    notAfter: notBefore + year,
  })
  const leaf = new X509Certificate(certificate)
  expect(root.ca).toBe(true)
  expect(leaf.ca).toBe(false)
  expect(leaf.checkIssued(root)).toBe(true)
  expect(leaf.verify(root.publicKey)).toBe(true)
})

it('puts user and groups into the subject', () => {
  const { certificate } = issue(authority, authorityName, {
    commonName: 'system:node:a',
    organizations: ['system:nodes', 'second'],
    usage: 'client',
    notBefore,
    notAfter: notBefore + year,
  })
  const legacy = new X509Certificate(certificate).toLegacyObject().subject as unknown as { CN: string; O: string[] }
  expect(legacy.CN).toBe('system:node:a')
  expect(legacy.O).toEqual(['system:nodes', 'second'])
})

it('serves under names and addresses of both families', () => {
  const names = ['localhost', '127.0.0.1', '::1', '10.96.0.1']
  const { certificate } = issue(authority, authorityName, {
    commonName: 'api',
    names,
    usage: 'server',
    notBefore,
    notAfter: notBefore + year,
  })
  const leaf = new X509Certificate(certificate)
  expect(leaf.checkHost('localhost')).toBe('localhost')
  expect(names.slice(1).map((address) => leaf.checkIP(address))).toEqual(names.slice(1))
  expect(leaf.checkIP('127.0.0.2')).toBeUndefined()
})

it('writes dates past 2049 so that they are read back', () => {
  expect(new X509Certificate(authority.certificate).validTo).toContain('2055')
})

it('spells out the zeros of a short IPv6 address', () => {
  expect(addressBytes('fd00::1:2').toString('hex')).toBe('fd000000000000000000000000010002')
})
