import { expect, it } from 'vitest'
import { parseImageName, sameImage, withDefaultTag } from '#shared/kube/image-name.ts'
import { credentialsFor } from './credentials.ts'
import { goDuration } from './image-manager.ts'

const secret = (auths: object) => ({
  data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
})
const auth = Buffer.from('me:pass:word').toString('base64')

it('finds the login of the registry, the closest path first', () => {
  const secrets = [
    secret({ 'registry.example.com': { username: 'all', password: '1' }, 'registry.example.com/team': { auth } }),
  ]
  expect(credentialsFor('registry.example.com/team/app:1', secrets)).toEqual({ username: 'me', password: 'pass:word' })
  expect(credentialsFor('registry.example.com/other:1', secrets)?.username).toBe('all')
  expect(credentialsFor('registry.example.company/app', secrets)).toBeUndefined()
})

it('knows Docker Hub by all its names', () => {
  const secrets = [secret({ 'https://index.docker.io/v1/': { auth } })]
  expect(credentialsFor('busybox', secrets)?.username).toBe('me')
  expect(credentialsFor('quay.io/busybox', secrets)).toBeUndefined()
})

it('reads image names as Docker does', () => {
  expect(parseImageName('busybox')).toEqual({
    registry: 'docker.io',
    repository: 'library/busybox',
    tag: 'latest',
    digest: '',
  })
  expect(parseImageName('localhost:5000/a/b:1')).toEqual({
    registry: 'localhost:5000',
    repository: 'a/b',
    tag: '1',
    digest: '',
  })
  expect(withDefaultTag('shop/web')).toBe('shop/web:latest')
  expect(withDefaultTag('shop/web:1')).toBe('shop/web:1')
  expect(withDefaultTag('Shop/Web')).toBeUndefined()
  expect(withDefaultTag('')).toBeUndefined()
  expect(sameImage('busybox', 'docker.io/library/busybox:latest')).toBe(true)
  expect(sameImage('busybox:1', 'busybox:2')).toBe(false)
})

it('prints durations as Go does', () => {
  expect([0, 850.9, 1234, 10_000, 80_000, 300_000, 3_725_000].map(goDuration)).toEqual([
    '0s',
    '850ms',
    '1.234s',
    '10s',
    '1m20s',
    '5m0s',
    '1h2m5s',
  ])
})
