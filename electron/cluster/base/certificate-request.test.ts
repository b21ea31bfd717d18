import { expect, it } from 'vitest'
import { parseCertificateRequest } from './certificate-request.ts'
import { certificateRequest } from './testing/certificate-requests.ts'

it('tells who asks for what', () => {
  const { request } = certificateRequest({
    commonName: 'jane',
    organizations: ['system:masters', 'b'],
    dnsNames: ['a.example.com'],
    addresses: ['10.0.0.1'],
  })
  const { isSigned, ...read } = parseCertificateRequest(request)
  expect(read).toMatchObject({
    commonName: 'jane',
    organizations: ['system:masters', 'b'],
    dnsNames: ['a.example.com'],
    ipAddresses: ['10.0.0.1'],
    uris: [],
  })
  expect(isSigned()).toBe(true)
})

it('sees that somebody asks for a key of another', () => {
  const { request } = certificateRequest({ commonName: 'jane', forged: true })
  expect(parseCertificateRequest(request).isSigned()).toBe(false)
})

it('refuses what is no request', () => {
  expect(() => parseCertificateRequest('AAAA')).toThrow('PEM block type must be CERTIFICATE REQUEST')
  const cut = Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n')
  expect(() => parseCertificateRequest(cut.toString('base64'))).toThrow('asn1')
})
