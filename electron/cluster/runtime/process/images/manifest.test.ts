import { expect, it } from 'vitest'
import { chainIds, digestOf, isDigest } from './digest.ts'
import { parseImageConfig } from './image-config.ts'
import { parseManifest, thisPlatform } from './manifest.ts'
import { buildImage, buildIndex } from './testing/image.ts'
import { findUser, numericUser } from './users.ts'

const amd64 = { os: 'linux', architecture: 'amd64' }
const bytes = (document: unknown) => Buffer.from(JSON.stringify(document))

it.each(['oci', 'docker'] as const)('reads manifests of the flavour %s', async (flavour) => {
  const image = await buildImage({ layers: [[], []], flavour })
  expect(parseManifest(image.manifest, '', amd64)).toEqual({ manifest: { config: image.config, layers: image.layers } })
})

it('takes the kind from the answer where the document does not say it', async () => {
  const image = await buildImage({ layers: [[]] })
  const { mediaType, ...document } = JSON.parse(image.manifest.toString()) as Record<string, unknown>
  expect(parseManifest(bytes(document), `${String(mediaType)}; charset=utf-8`, amd64)).toHaveProperty('manifest')
})

it('chooses the part of an index that is for this machine, by its variant where that is known', async () => {
  const image = await buildImage({ layers: [[]] })
  const other = { ...image, digest: digestOf(Buffer.from('other')) }
  const parts = [
    { image: other, platform: { os: 'windows', architecture: 'amd64' } },
    { image: other, platform: { os: 'linux', architecture: 'arm64', variant: 'v9' } },
    { image, platform: { os: 'linux', architecture: 'arm64' } },
    { image, platform: { os: 'linux', architecture: 'amd64' } },
  ]
  const { manifest, mediaType } = buildIndex(parts)
  for (const architecture of ['amd64', 'arm64'])
    expect(parseManifest(manifest, mediaType, { os: 'linux', architecture })).toMatchObject({
      next: { digest: image.digest },
    })
  expect(() => parseManifest(manifest, mediaType, { os: 'linux', architecture: 's390x' })).toThrow(
    'no match for platform in manifest: not found (wanted linux/s390x)',
  )
})

it.each([
  ['the first schema', { schemaVersion: 1, fsLayers: [] }, /manifests of schema 1 are not supported/],
  ['no configuration', { schemaVersion: 2, layers: [] }, /does not say what its config is/],
  ['no layers', { schemaVersion: 2, config: {} }, /has no list of its parts|does not say/],
  [
    'a digest that is a path',
    { schemaVersion: 2, config: { mediaType: 'x', digest: 'sha256:../../etc', size: 1 }, layers: [] },
    /does not say what its config is/,
  ],
  [
    'encrypted layers',
    {
      schemaVersion: 2,
      config: { mediaType: 'x', digest: digestOf(Buffer.from('')), size: 0 },
      layers: [
        {
          mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
          digest: digestOf(Buffer.from('')),
          size: 0,
        },
      ],
    },
    /layers of type ".*encrypted" are not supported/,
  ],
  [
    'more layers than can be stacked',
    {
      schemaVersion: 2,
      config: { mediaType: 'x', digest: digestOf(Buffer.from('')), size: 0 },
      layers: Array.from({ length: 111 }, () => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest: digestOf(Buffer.from('')),
        size: 0,
      })),
    },
    /it has 111 layers; 110 can be stacked/,
  ],
])('refuses %s', (_what, document, message) => {
  expect(() => parseManifest(bytes(document), 'application/vnd.oci.image.manifest.v1+json', amd64)).toThrow(message)
})

it('says that a manifest is none', () => {
  expect(() => parseManifest(Buffer.from('<html>'), 'text/html', amd64)).toThrow('the manifest is not JSON')
})

it('reads how an image is run', () => {
  const { config, diffIds } = parseImageConfig(
    bytes({
      ...amd64,
      config: {
        Entrypoint: ['/entry'],
        Cmd: ['a', 'b'],
        Env: ['A=1', 'B=x=y', 'C'],
        User: 'web:extra',
        WorkingDir: '/srv',
        StopSignal: 'QUIT',
        Volumes: { '/data': {}, '/': {}, relative: {} },
        ExposedPorts: { '80/tcp': {} },
      },
      rootfs: { diff_ids: [digestOf(Buffer.from('x'))] },
    }),
    amd64,
  )
  expect(config).toEqual({
    entrypoint: ['/entry'],
    cmd: ['a', 'b'],
    env: { A: '1', B: 'x=y', C: '' },
    user: 'web:extra',
    workingDir: '/srv',
    stopSignal: 'SIGQUIT',
    volumes: ['/data'],
    exposedPorts: ['80/tcp'],
  })
  expect(diffIds).toHaveLength(1)
})

it('knows stop signals by name and by number', () => {
  const signals = ['SIGUSR1', 'usr1', '3', 'SIGRTMIN+3', ''].map(
    (StopSignal) => parseImageConfig(bytes({ config: { StopSignal }, rootfs: {} }), amd64).config.stopSignal,
  )
  expect(signals).toEqual(['SIGUSR1', 'SIGUSR1', 'SIGQUIT', 'SIGTERM', 'SIGTERM'])
})

it('does not run what is for another machine', () => {
  expect(() => parseImageConfig(bytes({ os: 'linux', architecture: 's390x', rootfs: {} }), amd64)).toThrow(
    'it is for linux/s390x, and this machine is linux/amd64',
  )
  expect(thisPlatform().os).toBe('linux')
})

it('makes chain ids as the specification says', () => {
  const [one, two] = [digestOf(Buffer.from('one')), digestOf(Buffer.from('two'))]
  expect(chainIds([one, two])).toEqual([one, digestOf(Buffer.from(`${one} ${two}`))])
  expect(chainIds([])).toEqual([])
})

it('takes nothing else for a digest', () => {
  const hex = 'a'.repeat(64)
  expect([`sha256:${hex}`, `sha512:${hex}${hex}`].every(isDigest)).toBe(true)
  const wrong = [
    `sha256:${hex}:x`,
    `md5:${hex}`,
    `sha256:${hex.toUpperCase()}`,
    'sha256:',
    hex,
    '',
    undefined,
    `sha512:${hex}`,
  ]
  expect(wrong.some(isDigest)).toBe(false)
})

const accounts = {
  passwd: '# people\nroot:x:0:0:root:/root:/bin/sh\nweb:x:101:102::/srv/web:/bin/sh\nbroken\n',
  group: 'root:x:0:\nweb:x:102:\nextra:x:103:other,web\n',
}

it.each([
  ['', { uid: 0, gid: 0, groups: [], home: '/root' }],
  ['web', { uid: 101, gid: 102, groups: [103], home: '/srv/web' }],
  ['101', { uid: 101, gid: 102, groups: [103], home: '/srv/web' }],
  ['web:extra', { uid: 101, gid: 103, groups: [103], home: '/srv/web' }],
  ['5:6', { uid: 5, gid: 6, groups: [], home: '/' }],
  ['7', { uid: 7, gid: 0, groups: [], home: '/' }],
])('finds the user %j', (written, user) => {
  expect(findUser(written, accounts)).toEqual(user)
})

it('says which user or group an image does not have', () => {
  expect(() => findUser('nobody', accounts)).toThrow('unable to find user nobody: no matching entries in passwd file')
  expect(() => findUser('web:none', accounts)).toThrow('unable to find group none: no matching entries in group file')
  expect(() => findUser('4294967295', accounts)).toThrow('there is no such number')
})

it('tells numbers of users from names', () => {
  expect([numericUser(''), numericUser('5:6'), numericUser('web')]).toEqual([{}, { user: 5 }, { username: 'web' }])
})
