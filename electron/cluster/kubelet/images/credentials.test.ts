import { expect, it } from 'vitest'
import { parseImageName, sameImage, withDefaultTag } from '#shared/kube/image-name.ts'
import { loginsFor } from './credentials.ts'
import { goDuration } from './image-manager.ts'

const secret = (auths: object, name = 'login') => ({
  metadata: { uid: `uid-${name}`, namespace: 'shop', name },
  data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
})
const auth = Buffer.from('me:pass:word').toString('base64')

const users = (...given: Parameters<typeof loginsFor>) => loginsFor(...given).map(({ username }) => username)

it('finds the logins of the registry, the closest path first', () => {
  const secrets = [
    secret({ 'registry.example.com': { username: 'all', password: '1' } }),
    secret({ 'registry.example.com/team': { auth } }, 'team'),
  ]
  expect(loginsFor('registry.example.com/team/app:1', secrets)).toEqual([
    { username: 'me', password: 'pass:word', secret: { uid: 'uid-team', namespace: 'shop', name: 'team' } },
    { username: 'all', password: '1', secret: { uid: 'uid-login', namespace: 'shop', name: 'login' } },
  ])
  expect(users('registry.example.com/other:1', secrets)).toEqual(['all'])
  expect(users('registry.example.com/teammates/app', secrets)).toEqual(['all'])
  expect(users('registry.example.company/app', secrets)).toEqual([])
})

it('knows Docker Hub by all its names', () => {
  const secrets = [secret({ 'https://index.docker.io/v1/': { auth } })]
  expect(users('busybox', secrets)).toEqual(['me'])
  expect(users('quay.io/busybox', secrets)).toEqual([])
})

it('takes patterns for parts of a host', () => {
  const secrets = [secret({ '*.example.com': { auth }, 'r?.other.com:5000/team': { auth } })]
  const images = [
    'a.example.com/x',
    'r1.other.com:5000/team/x',
    'a.b.example.com/x',
    'example.com/x',
    'r1.other.com/team/x',
  ]
  expect(images.map((image) => users(image, secrets).length)).toEqual([1, 1, 0, 0, 0])
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
