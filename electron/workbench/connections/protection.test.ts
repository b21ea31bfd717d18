import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiConnection } from './api-connection.ts'
import { changes, Protection } from './protection.ts'
import { FakeApiServer } from '../testing/fake-api-server.ts'

let ids: readonly string[]
let now: number
let protection: Protection
beforeEach(() => {
  ids = []
  now = 1_000_000
  protection = new Protection({ get: () => ids, set: (next) => (ids = next) }, () => now)
})
const minutes = (count: number): number => count * 60_000
const open = () => protection.assertOpen('prod', 'production')

it('refuses changes to a protected context until its name was typed, and a quarter of an hour later again', () => {
  open()
  protection.protect('prod')
  expect(open).toThrow('production is protected from changes.')
  expect(() => protection.unlock('prod', 'production', 'Production')).toThrow('is not production')
  expect(open).toThrow()
  protection.unlock('prod', 'production', 'production')
  open()
  expect(protection.of('prod')).toEqual({ unlockedUntil: now + minutes(15) })
  now += minutes(15)
  expect(open).toThrow()
})

it('is locked again at once when told to', () => {
  protection.protect('prod')
  protection.unlock('prod', 'production', 'production')
  protection.lock('prod')
  expect(open).toThrow()
})

it('does not let go of a context before that is unlocked', () => {
  protection.protect('prod')
  expect(() => protection.release('prod', 'production')).toThrow()
  protection.unlock('prod', 'production', 'production')
  protection.release('prod', 'production')
  expect(ids).toEqual([])
  open()
})

describe('what counts as a change', () => {
  it.each([
    ['GET', '/api/v1/pods', false],
    ['GET', '/api/v1/namespaces/a/pods/b/log?follow=true', false],
    ['GET', '/api/v1/namespaces/a/pods/b/portforward?ports=80', false],
    ['GET', '/api/v1/namespaces/a/pods/b/exec?command=sh', true],
    ['GET', '/api/v1/namespaces/a/pods/b/attach?stdin=true', true],
    ['GET', '/api/v1/namespaces/exec/pods', false],
    ['GET', '/api/v1/namespaces/a/pods/exec', false],
    ['DELETE', '/api/v1/namespaces/a/pods/b', true],
    ['PATCH', '/api/v1/namespaces/a/pods/b?fieldManager=x&force=true', true],
    ['PATCH', '/api/v1/namespaces/a/pods/b?fieldManager=x&dryRun=All', false],
    ['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', false],
    ['POST', '/api/v1/namespaces/a/serviceaccounts/b/token', true],
    ['POST', '/api/v1/namespaces/a/pods/b/eviction', true],
  ])('%s %s: %s', (method, path, expected) => expect(changes(method, path)).toBe(expected))
})

describe('a connection', () => {
  let server: FakeApiServer
  beforeEach(async () => void (server = await FakeApiServer.start()))
  afterEach(() => server[Symbol.asyncDispose]())

  it('sends no change to a cluster that is protected from it, and goes on reading', async () => {
    const connection = new ApiConnection(server.access(), {}, open)
    protection.protect('prod')
    await expect(connection.json('/api/v1/namespaces/a/pods', { method: 'POST', body: {} })).rejects.toThrow(
      'protected',
    )
    const { signal } = new AbortController()
    await expect(connection.upgrade('/api/v1/namespaces/a/pods/b/exec?command=sh', [], signal)).rejects.toThrow(
      'protected',
    )
    expect(server.requests).toEqual([])
    expect((await connection.json<{ items: unknown[] }>('/api/v1/pods')).value.items).toEqual([])
  })
})
