import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AuthenticationFile } from './authentication-file.ts'
import { FakeClock } from './base/fake-clock.ts'
import { silentLogger } from './base/logger.ts'

let directory: string
let file: string
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'wheelhouse-test-'))
  file = path.join(directory, 'authentication.yaml')
})
afterEach(() => rmSync(directory, { recursive: true }))

let written = 0
const write = (...urls: string[]) => {
  const jwt = urls.map((url) => ({
    issuer: { url, audiences: ['a'] },
    claimMappings: { username: { claim: 'sub', prefix: '' } },
  }))
  const head = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration' }
  writeFileSync(file, JSON.stringify({ ...head, jwt }))
  // Writes within one tick of the file system are told apart.
  utimesSync(file, ++written, written)
}

it('follows the file, and keeps what it has while the file is wrong', async () => {
  const clock = new FakeClock()
  const deps = { clock, logger: silentLogger }
  expect(AuthenticationFile.open(file, deps)).toBeUndefined()
  write('https://one')
  using opened = AuthenticationFile.open(file, deps)!
  const urls = () => opened.current.issuers.map(({ issuer }) => issuer.url)
  const first = opened.current
  await clock.advance(60_000)
  expect(opened.current).toBe(first)
  write('https://one', 'https://two')
  await clock.advance(60_000)
  expect(urls()).toEqual(['https://one', 'https://two'])
  write('http://plain')
  await clock.advance(60_000)
  expect(urls()).toEqual(['https://one', 'https://two'])
  write('https://three')
  await clock.advance(60_000)
  expect(urls()).toEqual(['https://three'])
  opened[Symbol.dispose]()
  expect(clock.pending).toBe(0)
})

it('refuses to start with a file that is wrong', () => {
  write('http://plain')
  expect(() => AuthenticationFile.open(file, { clock: new FakeClock(), logger: silentLogger })).toThrow(
    'cannot be used: jwt[0].issuer.url: Invalid value: "http://plain": URL scheme must be https.',
  )
})
