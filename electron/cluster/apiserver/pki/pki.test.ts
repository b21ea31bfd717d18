import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { FakeClock } from '../../base/fake-clock.ts'
import { certificateRequest } from '../../base/testing/certificate-requests.ts'
import { directoryKeyFiles, memoryKeyFiles } from './key-files.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { adminIdentity, nodeIdentity, openPki, subjectOf } from './pki.ts'

const day = 24 * 3600 * 1000

it('finds the same keys again', () => {
  const options = { files: memoryKeyFiles(), clock: new FakeClock() }
  const first = openPki(options)
  const second = openPki(options)
  expect(second.authority).toBe(first.authority)
  expect(second.serving).toEqual(first.serving)
  expect(second.tokenKey).toBe(first.tokenKey)
  expect(second.clientFor(adminIdentity)).toEqual(first.clientFor(adminIdentity))
})

it('reissues a certificate near its end under the same authority', async () => {
  const clock = new FakeClock()
  const files = memoryKeyFiles()
  const first = openPki({ files, clock })
  await clock.advance(340 * day)
  const second = openPki({ files, clock })
  expect(second.serving.certificate).not.toBe(first.serving.certificate)
  expect(second.authority).toBe(first.authority)
})

it('reissues the serving certificate when the server gets a new name', () => {
  const options = { files: memoryKeyFiles(), clock: new FakeClock() }
  openPki(options)
  const serving = openPki({ ...options, names: ['cluster.example.com'] }).serving
  expect(new X509Certificate(serving.certificate).checkHost('cluster.example.com')).toBeTruthy()
})

it('makes a node and the admin who they are', () => {
  const pki = openPki({ files: memoryKeyFiles(), clock: new FakeClock() })
  expect(subjectOf(new X509Certificate(pki.clientFor(nodeIdentity('a')).certificate))).toEqual({
    user: 'system:node:a',
    groups: ['system:nodes'],
  })
  expect(subjectOf(new X509Certificate(pki.clientFor(adminIdentity).certificate)).groups).toEqual(['system:masters'])
})

it('refuses to replace an authority whose key is damaged, and says what to do', () => {
  const stored = new Map<string, string>()
  const options = { files: memoryKeyFiles(stored), clock: new FakeClock() }
  openPki(options)
  stored.set('ca.key', 'garbage')
  expect(() => openPki(options)).toThrow(/ca\.crt or ca\.key in memory is missing or unreadable. Restore it/)
})

it('keeps keys and kubeconfig readable by their owner only', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'wheelhouse-pki-'))
  try {
    const pki = openPki({ files: directoryKeyFiles(path.join(directory, 'pki')), clock: new FakeClock() })
    const file = path.join(directory, 'kubeconfig')
    writeKubeconfig(file, {
      server: 'https://127.0.0.1:1',
      authority: pki.authority,
      client: pki.clientFor(adminIdentity),
      user: 'kubernetes-admin',
    })
    const modes = ['kubeconfig', 'pki/ca.key', 'pki/sa.key'].map(
      (name) => statSync(path.join(directory, name)).mode & 0o777,
    )
    expect(modes).toEqual([0o600, 0o600, 0o600])
    const config = parse(directoryKeyFiles(directory).read('kubeconfig')!) as {
      'current-context': string
      users: { user: Record<string, string> }[]
    }
    expect(config['current-context']).toBe('wheelhouse')
    expect(Buffer.from(config.users[0]!.user['client-key-data']!, 'base64').toString()).toContain('PRIVATE KEY')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

it('signs what somebody asks for, for their key and for as long as they ask', () => {
  const pki = openPki({ files: memoryKeyFiles(), clock: new FakeClock() })
  const { request, key } = certificateRequest({
    commonName: 'jane',
    organizations: ['devs'],
    dnsNames: ['jane.example.com'],
  })
  const certificate = new X509Certificate(pki.signRequest(request, ['digital signature', 'client auth'], 3600))
  expect(certificate.verify(new X509Certificate(pki.authority).publicKey)).toBe(true)
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true)
  expect(subjectOf(certificate)).toEqual({ user: 'jane', groups: ['devs'] })
  expect(certificate.checkHost('jane.example.com')).toBeTruthy()
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  expect(certificate.ca).toBe(false)
  expect(new Date(certificate.validTo).toISOString()).toBe('2026-01-01T01:00:00.000Z')
})

it('signs nothing for who does not hold the key', () => {
  const pki = openPki({ files: memoryKeyFiles(), clock: new FakeClock() })
  const { request } = certificateRequest({ commonName: 'jane', forged: true })
  expect(() => pki.signRequest(request, ['client auth'])).toThrow('unable to verify certificate request signature')
})

it('reissues certificates, and refuses an authority, that the clock has not reached', () => {
  const clock = new FakeClock()
  const files = memoryKeyFiles()
  const first = openPki({ files, clock })
  clock.jump(200 * day)
  const again = first.clientFor({ user: 'made-ahead' })
  clock.jump(-200 * day)
  expect(openPki({ files, clock }).clientFor({ user: 'made-ahead' })).not.toEqual(again)
  clock.jump(-200 * day)
  expect(() => openPki({ files, clock })).toThrow(/ca\.crt .* valid from .* Set the clock, or delete/)
  clock.jump(200 * day)
  expect(openPki({ files, clock }).authority).toBe(first.authority)
})
