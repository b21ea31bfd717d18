import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { TokenRequest } from 'kubernetes-types/authentication/v1'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../base/fake-clock.ts'
import { seededRandom } from '../../base/random.ts'
import { FakeClient } from '../../client/testing/fake-client.ts'
import { container, pod } from '../testing/builders.ts'
import { writeAtomically, type Payload } from './atomic-writer.ts'
import { prepareHostPath } from './host-path.ts'
import { containerMounts } from './mounts.ts'
import { payloadOf, type PayloadSources } from './payloads.ts'
import { TokenManager } from './token-manager.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'volumes-test-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const payload = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([file, text]) => [file, { data: Buffer.from(text), mode }]))
const read = (file: string) => readFile(path.join(directory, file), 'utf8')

describe('the atomic writer', () => {
  it('shows files, nested ones too, through one link that is swapped', async () => {
    await writeAtomically(directory, payload({ a: '1', 'deep/b': '2' }))
    expect([await read('a'), await read('deep/b')]).toEqual(['1', '2'])
    expect(await readlink(path.join(directory, 'a'))).toBe('..data/a')
    const before = await readlink(path.join(directory, '..data'))
    expect(await writeAtomically(directory, payload({ a: 'one', c: '3' }))).toBe(true)
    expect(await readlink(path.join(directory, '..data'))).not.toBe(before)
    expect((await readdir(directory)).filter((name) => !name.startsWith('..')).sort()).toEqual(['a', 'c'])
    expect(await read('a')).toBe('one')
    expect(await readdir(directory)).toHaveLength(4)
  })

  it('touches nothing when nothing has changed', async () => {
    await writeAtomically(directory, payload({ a: '1' }))
    const before = await readlink(path.join(directory, '..data'))
    expect(await writeAtomically(directory, payload({ a: '1' }))).toBe(false)
    expect(await readlink(path.join(directory, '..data'))).toBe(before)
    expect(await writeAtomically(directory, payload({ a: '1' }, 0o600))).toBe(true)
  })

  it('gives files exactly the mode that is asked for, whatever the umask', async () => {
    await writeAtomically(directory, payload({ a: '1' }, 0o666))
    expect((await stat(path.join(directory, 'a'))).mode & 0o777).toBe(0o666)
  })

  it.runIf(process.getuid?.() === 0)('lets the group of the pod read what nobody else may', async () => {
    await writeAtomically(directory, payload({ a: '1' }, 0o400), 4321)
    const { mode, gid } = await stat(path.join(directory, 'a'))
    expect([mode & 0o777, gid]).toEqual([0o440, 4321])
    const folder = await stat(path.join(directory, '..data'))
    expect([folder.mode & 0o7777, folder.gid]).toEqual([0o2775, 4321])
    expect(await writeAtomically(directory, payload({ a: '1' }, 0o400), 4321)).toBe(false)
  })

  it('refuses paths that lead out of the volume', async () => {
    for (const file of ['../a', 'a/../../b', '/etc/passwd', '..data']) {
      await expect(writeAtomically(directory, payload({ [file]: 'x' }))).rejects.toThrow('invalid path')
    }
  })
})

describe('payloads', () => {
  const sources = (overrides: Partial<PayloadSources> = {}): PayloadSources => ({
    configMap: async () => ({ data: { a: '1', b: '2' }, binaryData: { c: Buffer.from('3').toString('base64') } }),
    secret: async () => ({ data: { key: Buffer.from('s').toString('base64') } }),
    token: async () => 'jwt',
    addresses: { podIp: '10.244.0.5', hostIp: '192.168.0.2' },
    allocatable: {},
    ...overrides,
  })
  const files = async (volume: object, from = sources()) =>
    Object.fromEntries(
      [...(await payloadOf(pod(), { name: 'v', ...volume }, from))!].map(([file, { data, mode }]) => [
        file,
        `${data.toString()} ${mode.toString(8)}`,
      ]),
    )

  it('take all keys or the items that are named, with their modes', async () => {
    expect(await files({ configMap: { name: 'm', defaultMode: 0o400 } })).toEqual({
      a: '1 400',
      b: '2 400',
      c: '3 400',
    })
    const items = [{ key: 'a', path: 'x/y', mode: 0o600 }]
    expect(await files({ configMap: { name: 'm', items } })).toEqual({ 'x/y': '1 600' })
  })

  it('miss neither objects nor keys silently, unless optional', async () => {
    const absent = sources({ configMap: async () => undefined })
    await expect(files({ configMap: { name: 'm' } }, absent)).rejects.toThrow('configmap "m" not found')
    expect(await files({ configMap: { name: 'm', optional: true } }, absent)).toEqual({})
    const items = [{ key: 'z', path: 'z' }]
    await expect(files({ configMap: { name: 'm', items } })).rejects.toThrow('references non-existent configmap key: z')
    expect(await files({ configMap: { name: 'm', items, optional: true } })).toEqual({})
  })

  it('of a projected volume are put together, a token among them', async () => {
    const projected = {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'a', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
        // Of a kind that the API server dropped.
        {},
      ],
    }
    expect(await files({ projected })).toEqual({ token: 'jwt 644', 'ca.crt': '1 644', namespace: 'shop 644' })
  })
})

describe('service account tokens', () => {
  it('are bound to the pod and renewed after 80 % of their life', async () => {
    const clock = new FakeClock()
    const client = new FakeClient({ clock })
    const requests: TokenRequest[] = []
    client.react('post', 'serviceaccounts', ({ body }) => {
      const request = body as TokenRequest
      requests.push(request)
      const expirationTimestamp = new Date(clock.now() + 3_600_000).toISOString()
      return { ...request, status: { token: `token-${requests.length}`, expirationTimestamp } }
    })
    const tokens = new TokenManager({ client, clock, random: seededRandom(1) })
    expect(await tokens.token(pod(), {})).toBe('token-1')
    expect(requests[0]?.spec.boundObjectRef).toEqual({ apiVersion: 'v1', kind: 'Pod', name: 'web-1', uid: 'uid-1' })
    await clock.advance(2_800_000)
    expect(await tokens.token(pod(), {})).toBe('token-1')
    await clock.advance(100_000)
    expect(await tokens.token(pod(), {})).toBe('token-2')
    expect(await tokens.token(pod(), { audience: 'vault' })).toBe('token-3')
  })
})

describe('mounts', () => {
  const mounts = (
    mount: object,
    variables = new Map<string, string>(),
    images = new Map<string, string>(),
    recursiveReadOnly = false,
  ) =>
    containerMounts(
      container({ volumeMounts: [{ name: 'v', mountPath: '/data', ...mount }] }),
      new Map([['v', { path: directory, readOnly: false }]]),
      variables,
      { images, recursiveReadOnly },
    )

  it('bind the volume or, with a subPath, what lies below it, made where it is missing', async () => {
    expect(await mounts({ readOnly: true })).toEqual([{ hostPath: directory, containerPath: '/data', readOnly: true }])
    const [mount] = await mounts({ subPathExpr: '$(POD)/logs' }, new Map([['POD', 'web-1']]))
    expect((await stat(mount!.hostPath)).isDirectory()).toBe(true)
    expect(mount!.hostPath).toMatch(/web-1\/logs$/)
  })

  it('leave the files of an image to the runtime', async () => {
    const images = new Map([['v', 'sha256:1']])
    expect(await mounts({ subPath: 'etc/' }, undefined, images)).toEqual([
      { hostPath: '', containerPath: '/data', readOnly: true, image: { id: 'sha256:1', subPath: 'etc/' } },
    ])
    await expect(mounts({ subPath: '../x' }, undefined, images)).rejects.toThrow("must not contain '..'")
  })

  it('make a subPath as open as its volume', async () => {
    await chmod(directory, 0o2777)
    const [mount] = await mounts({ subPath: 'a/b' })
    expect((await stat(mount!.hostPath)).mode & 0o7777).toBe(0o2777)
    expect((await stat(path.dirname(mount!.hostPath))).mode & 0o7777).toBe(0o2777)
  })

  it('are read-only all the way down where the runtime can make them so', async () => {
    await expect(mounts({ readOnly: true, recursiveReadOnly: 'Enabled' })).rejects.toThrow(
      'volume "v" requested recursive read-only mode, but it is not supported by the runtime',
    )
    const asked = (recursiveReadOnly: string, able: boolean) =>
      mounts({ readOnly: true, recursiveReadOnly }, undefined, undefined, able)
    expect((await asked('IfPossible', false))[0]).not.toHaveProperty('recursiveReadOnly')
    expect((await asked('Disabled', true))[0]).not.toHaveProperty('recursiveReadOnly')
    for (const wish of ['IfPossible', 'Enabled'])
      expect(await asked(wish, true)).toMatchObject([{ recursiveReadOnly: true }])
  })

  it('do not follow a subPath out of the volume', async () => {
    await expect(mounts({ subPath: '../x' })).rejects.toThrow("must not contain '..'")
    await symlink('/etc', path.join(directory, 'link'))
    await expect(mounts({ subPath: 'link/made' })).rejects.toThrow('it leads out of the volume')
    await expect(mounts({ subPathExpr: '$(NOBODY)' })).rejects.toThrow('missing value for "NOBODY"')
  })
})

it('checks a hostPath against its type', async () => {
  const file = path.join(directory, 'file')
  await writeFile(file, '')
  await chmod(file, 0o644)
  await prepareHostPath(file, 'File')
  await expect(prepareHostPath(file, 'Directory')).rejects.toThrow(
    `hostPath type check failed: ${file} is not a directory`,
  )
  await prepareHostPath(path.join(directory, 'made/here'), 'DirectoryOrCreate')
  expect((await stat(path.join(directory, 'made/here'))).isDirectory()).toBe(true)
  await mkdir(path.join(directory, 'd'))
  await prepareHostPath(path.join(directory, 'd/new'), 'FileOrCreate')
  expect((await stat(path.join(directory, 'd/new'))).isFile()).toBe(true)
})
