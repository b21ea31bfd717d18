import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeClock } from '../../../base/fake-clock.ts'
import { silentLogger } from '../../../base/logger.ts'
import type { PullProgress } from '../../api.ts'
import { BlobStore } from './blobs.ts'
import { ImageStore } from './store.ts'
import { chooseStacking } from './stacking.ts'
import { impatientClock } from './testing/clock.ts'
import { buildImage, buildIndex, type ImageParts } from './testing/image.ts'
import { startRegistry, type TestRegistry } from './testing/registry.ts'

const able = process.platform === 'linux' && process.getuid?.() === 0

let directory: string
let registry: TestRegistry
let store: ImageStore

const open = (stacking: 'overlay' | 'copy', clock = impatientClock) =>
  ImageStore.open({
    clock,
    logger: silentLogger,
    directory,
    stacking,
    nodeBinary: process.execPath,
    unpackEntry: path.join(import.meta.dirname, 'layers/unpack.ts'),
  })

beforeEach(async () => {
  directory = path.join(mkdtempSync(path.join(os.tmpdir(), 'wheelhouse-store-')), 'images')
  registry = await startRegistry()
})

afterEach(async () => {
  store?.[Symbol.dispose]()
  await registry[Symbol.asyncDispose]()
  rmSync(path.dirname(directory), { recursive: true, force: true })
})

/** What is kept beside the index; without the empty directories. */
const kept = () =>
  readdirSync(directory, { recursive: true })
    .map(String)
    .filter((name) => /^(blobs|drafts|overlay|copy)\/[^/]+$/.test(name))
    .map((name) => name.split('/')[0]!)
    .toSorted()

const base: ImageParts['layers'][number] = [
  { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n' },
  { name: 'base', content: 'base' },
]
const layer = (name: string, content = name): ImageParts['layers'][number] => [{ name, content }]

async function push(name: string, parts: Partial<ImageParts> & Pick<ImageParts, 'layers'>) {
  const image = await buildImage(parts)
  return { image, name: registry.push(name, '1', image) }
}

describe.skipIf(!able).each(['overlay', 'copy'] as const)('with layers by %s', (stacking) => {
  it('pulls an image, remembers it, and keeps no blob', async () => {
    store = await open(stacking)
    const { image, name } = await push('app', { layers: [base, layer('top')], config: { User: '7' } })
    const stored = await store.pull(name)
    expect(store.status(stored)).toEqual({
      id: image.config.digest,
      tags: [name],
      digests: [`${registry.host}/app@${image.digest}`],
      sizeBytes: image.manifest.length + image.config.size + image.layers[0]!.size + image.layers[1]!.size,
      user: 7,
    })
    expect(kept()).toEqual([stacking, stacking])
    expect(readFileSync(path.join(store.snapshots.files(stored.chain[1]!), 'top'), 'utf8')).toBe('top')
    expect(store.snapshots.accounts(stored.chain[1]!).passwd).toMatch(/^root/)

    store[Symbol.dispose]()
    store = await open(stacking)
    for (const reference of [name, image.config.digest, `${registry.host}/app@${image.digest}`])
      expect(store.find(reference)?.id).toBe(image.config.digest)
    expect(store.find(`${registry.host}/app:2`)).toBeUndefined()
  })

  it('fetches of the next image only what is not there', async () => {
    store = await open(stacking)
    await store.pull((await push('one', { layers: [base, layer('one')] })).name)
    const { image, name } = await push('two', { layers: [base, layer('two')] })
    registry.requests.length = 0
    await store.pull(name)
    const [shared, own] = image.layers.map(({ digest }) => digest)
    expect(registry.requests.some((asked) => asked.includes(shared!))).toBe(false)
    expect(registry.requests.filter((asked) => asked.includes(own!))).toHaveLength(1)
    expect(kept()).toHaveLength(3)
  })

  it('takes away with an image only what no other one needs', async () => {
    store = await open(stacking)
    const [one, two] = [
      await push('one', { layers: [base, layer('one')] }),
      await push('two', { layers: [base, layer('two')] }),
    ]
    await store.pull(one.name)
    await store.pull(two.name)
    await store.remove(one.name)
    expect(kept()).toHaveLength(2)
    expect(store.find(one.name)).toBeUndefined()
    using _user = store.addUser(() => [two.image.config.digest])
    await expect(store.remove(two.name)).rejects.toThrow(/in use/)
    expect(kept()).toHaveLength(2)
  })

  it('hides what a layer hides from those above it', async () => {
    store = await open(stacking)
    const hiding: ImageParts['layers'][number] = [
      { name: '.wh.base' },
      { name: 'etc/.wh..wh..opq' },
      { name: 'etc/group', content: 'g' },
    ]
    const stored = await store.pull((await push('app', { layers: [base, hiding, layer('base', 'again')] })).name)
    expect(store.snapshots.accounts(stored.chain[0]!).passwd).not.toBe('')
    expect(store.snapshots.accounts(stored.chain[1]!)).toEqual({ passwd: '', group: 'g' })
    expect(readFileSync(path.join(store.snapshots.files(stored.chain[2]!), 'base'), 'utf8')).toBe('again')
    // What is below has not changed.
    expect(readFileSync(path.join(store.snapshots.files(stored.chain[0]!), 'base'), 'utf8')).toBe('base')
  })
})

describe.skipIf(!able)('a pull', () => {
  beforeEach(async () => {
    store = await open('overlay')
  })

  const nothingLeft = () => {
    expect(kept()).toEqual([])
    expect(store.list()).toEqual([])
  }

  it.each<[string, (parts: Awaited<ReturnType<typeof buildImage>>) => void, RegExp]>([
    [
      'a layer with another content',
      ({ layers }) =>
        void (registry.onBlob = (digest, _request, response, content) => {
          if (digest !== layers[1]!.digest) return false
          response.end(Buffer.from(content).fill(0, 20, 22))
          return true
        }),
      /the content of sha256:\w+ has the digest sha256:/,
    ],
    [
      'a layer that is too long',
      ({ layers }) =>
        void (registry.onBlob = (digest, _request, response, content) => {
          if (digest !== layers[1]!.digest) return false
          response.end(Buffer.concat([content, content]))
          return true
        }),
      /is longer than the \d+ bytes it should have/,
    ],
    [
      'another configuration',
      ({ config }) =>
        void (registry.onBlob = (digest, _request, response, content) => {
          if (digest !== config.digest) return false
          response.end(Buffer.from(content).fill(' ', 5, 6))
          return true
        }),
      /the content of sha256:\w+ has the digest sha256:/,
    ],
    [
      'a layer that is missing',
      ({ layers }) =>
        void (registry.onBlob = (digest, _request, response) => {
          if (digest !== layers[1]!.digest) return false
          response.writeHead(404).end()
          return true
        }),
      /app@sha256:\w+: not found/,
    ],
  ])('of %s ends in a clear error and leaves nothing', async (_what, spoil, message) => {
    const { image, name } = await push('app', { layers: [base, layer('top')] })
    spoil(image)
    await expect(store.pull(name)).rejects.toThrow(message)
    await expect(store.pull(name)).rejects.toThrow(`failed to pull and unpack image "${name}": `)
    nothingLeft()
  })

  it.each<[string, Partial<ImageParts> & Pick<ImageParts, 'layers'>, RegExp]>([
    [
      'no archives',
      { layers: [base, Buffer.alloc(3000, 'x')] },
      /failed to extract layer sha256:\w+: Invalid tar header/,
    ],
    [
      'layers that reach outside',
      { layers: [base, layer('../out')] },
      /failed to extract layer .* outside of the image/,
    ],
    [
      'layers that are not those that the configuration names',
      {
        layers: [base, layer('top')],
        spoil: ({ configuration }) => {
          const { rootfs } = configuration as { rootfs: { diff_ids: string[] } }
          rootfs.diff_ids[1] = rootfs.diff_ids[0]!
        },
      },
      /the content of layer sha256:\w+ has the digest sha256:/,
    ],
    [
      'more layers than the configuration has',
      {
        layers: [base, layer('top')],
        spoil: ({ manifest }) => void (manifest.layers = [(manifest.layers as unknown[])[0]]),
      },
      /the manifest has 1 layers, and the configuration 2/,
    ],
    ['another machine', { layers: [base], platform: { os: 'linux', architecture: 's390x' } }, /it is for linux\/s390x/],
  ])('of %s ends in a clear error and leaves nothing', async (_what, parts, message) => {
    const { name } = await push('app', parts)
    await expect(store.pull(name)).rejects.toThrow(message)
    nothingLeft()
  })

  it('says what is not there as containerd does', async () => {
    const name = `${registry.host}/missing:1`
    await expect(store.pull(name)).rejects.toThrow(
      `failed to pull and unpack image "${name}": failed to resolve reference "${name}": ${name}: not found`,
    )
    await registry[Symbol.asyncDispose]()
    await expect(store.pull(name)).rejects.toThrow(
      /failed to resolve reference ".*": failed to do request: .*ECONNREFUSED/,
    )
    registry = await startRegistry()
  })

  it('takes from an index what is for this machine, and is known by the digest of the index', async () => {
    const { image } = await push('app', { layers: [base] })
    const { os: system, architecture } = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch }
    const index = buildIndex([
      { image: { ...image, digest: `sha256:${'0'.repeat(64)}` }, platform: { os: 'linux', architecture: 's390x' } },
      { image, platform: { os: system, architecture } },
    ])
    registry.pushManifest('app', 'multi', index)
    const stored = await store.pull(`${registry.host}/app:multi`)
    expect([stored.id, stored.digests]).toEqual([image.config.digest, [`${registry.host}/app@${index.digest}`]])
  })

  it('goes on where an interrupted one stopped', async () => {
    const { image, name } = await push('app', {
      layers: [[{ name: 'large', content: Buffer.alloc(400_000, 'not all alike, says the compressor; ') }]],
      compress: (archive) => archive,
    })
    let cut = 0
    /** Breaks a connection off once the store has written what came over it. */
    let breaking = { at: Infinity, off: () => {} }
    registry.onBlob = (digest, request, response, content) => {
      if (digest !== image.layers[0]!.digest || ++cut > 2) return false
      const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0)
      const range = from ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}
      response.writeHead(from ? 206 : 200, { 'content-length': content.length - from, ...range })
      breaking = { at: from + 100_000, off: () => void response.destroy() }
      response.write(content.subarray(from, from + 100_000))
      return true
    }
    await store.pull(name, { onProgress: ({ bytesDone }) => bytesDone === breaking.at && breaking.off() })
    const ranges = registry.requests
      .filter((asked) => asked.includes(image.layers[0]!.digest))
      .map((asked) => asked.split(' ')[1])
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-'])
  })

  it('tells how far it is', async () => {
    const { name } = await push('app', { layers: [base, layer('top')] })
    const told: PullProgress[] = []
    await store.pull(name, { onProgress: (progress) => void told.push(progress) })
    expect(told.at(-1)).toEqual({ layers: 2, layersDone: 2, bytes: told[0]!.bytes, bytesDone: told[0]!.bytes })
    expect(told.every(({ bytes, bytesDone }) => bytesDone <= bytes)).toBe(true)
  })

  it('is done once when several want it at once, and given up when nobody does any more', async () => {
    const { image, name } = await push('app', { layers: [base, layer('top')] })
    const [first, second] = await Promise.all([store.pull(name), store.pull(name)])
    expect(first.id).toBe(second.id)
    expect(registry.requests.filter((asked) => asked.includes(image.layers[0]!.digest))).toHaveLength(1)

    const slow = await push('slow', { layers: [layer('slow')] })
    const asked = Promise.withResolvers<void>()
    registry.onBlob = (_digest, _request, response, content) => {
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, 1))
      asked.resolve()
      return true
    }
    const stop = new AbortController()
    const pulled = store.pull(slow.name, { signal: stop.signal })
    await asked.promise
    stop.abort(new Error('the pod is gone'))
    await expect(pulled).rejects.toThrow('the pod is gone')
    expect(store.find(slow.name)).toBeUndefined()
  })

  it('that is given up leaves others the layer that they share', async () => {
    const shared = { layers: [base], compress: (archive: Buffer) => archive }
    const one = await push('one', shared)
    const two = await push('two', { ...shared, config: { User: '7' } })
    const { digest } = one.image.layers[0]!
    const [first, stop] = [Promise.withResolvers<() => void>(), new AbortController()]
    registry.onBlob = (asked, _request, response, content) => {
      if (asked !== digest) return false
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, 1))
      first.resolve(() => response.end(content.subarray(1)))
      return true
    }
    const wanted = () => registry.requests.filter((asked) => asked.includes(digest))
    const given = store.pull(one.name, { signal: stop.signal }).catch((error: Error) => error.message)
    const goOn = await first.promise
    const fetch = vi.spyOn(BlobStore.prototype, 'fetch')
    const other = store.pull(two.name)
    await expect.poll(() => fetch.mock.calls.length, { timeout: 20_000 }).toBe(1)
    fetch.mockRestore()
    stop.abort(new Error('the pod is gone'))
    expect(await given).toBe('the pod is gone')
    goOn()
    expect((await other).id).toBe(two.image.config.digest)
    expect(wanted()).toHaveLength(1)
  })

  it('that fails ends the requests for its other layers', async () => {
    const { image, name } = await push('app', { layers: [base, layer('top')] })
    const [asked, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    registry.onBlob = (digest, _request, response, content) => {
      if (digest === image.layers[0]!.digest) {
        response.once('close', closed.resolve).writeHead(200, { 'content-length': content.length }).write('x')
        asked.resolve()
        return true
      }
      if (digest !== image.layers[1]!.digest) return false
      void asked.promise.then(() => response.writeHead(404).end())
      return true
    }
    await expect(store.pull(name)).rejects.toThrow(/not found/)
    await closed.promise
  })

  it('moves a tag to the image that has it last, and keeps the one before by its digest', async () => {
    const first = await push('app', { layers: [base, layer('first')] })
    await store.pull(first.name)
    const second = await push('app', { layers: [base, layer('second')] })
    await store.pull(second.name)
    expect(store.find(second.name)?.id).toBe(second.image.config.digest)
    expect(store.find(first.image.config.digest)?.tags).toEqual([])
    expect(store.find(`${registry.host}/app@${first.image.digest}`)?.id).toBe(first.image.config.digest)
  })

  it('with a login sees what others do not', async () => {
    const login = { username: 'me', password: 'secret' }
    await using closed = await startRegistry({ auth: 'bearer', login })
    const name = closed.push('private', '1', await buildImage({ layers: [base] }))
    await expect(store.pull(name)).rejects.toThrow(/failed to authorize/)
    await expect(store.pull(name, { login })).resolves.toMatchObject({ tags: [name] })
  })
})

describe.skipIf(!able)('after a crash', () => {
  it('nothing is there that had not become whole', async () => {
    store = await open('overlay')
    const { name } = await push('app', { layers: [base] })
    const stored = await store.pull(name)
    store[Symbol.dispose]()
    // A pull in the middle: a part of a blob, a draft, and a layer of an image that is not in the index yet.
    for (const folder of ['drafts/half/fs', 'overlay/0123456789abcdef01234567/fs', 'blobs'])
      mkdirSync(path.join(directory, folder), { recursive: true })
    writeFileSync(path.join(directory, 'blobs/sha256-x.part'), 'x')
    store = await open('overlay')
    expect(kept()).toEqual(['overlay'])
    expect(store.find(name)?.id).toBe(stored.id)
  })

  it('an image whose layers are gone is not there either, and is pulled again', async () => {
    store = await open('overlay')
    const { name } = await push('app', { layers: [base, layer('top')] })
    const stored = await store.pull(name)
    store[Symbol.dispose]()
    rmSync(path.dirname(store.snapshots.files(stored.chain[1]!)), { recursive: true })
    store = await open('overlay')
    expect([store.find(name), kept()]).toEqual([undefined, []])
    await store.pull(name)
    expect(kept()).toHaveLength(2)
  })

  it('an index that is not whole counts as none', async () => {
    store = await open('overlay')
    await store.pull((await push('app', { layers: [base] })).name)
    store[Symbol.dispose]()
    writeFileSync(path.join(directory, 'index.json'), '[{"id":')
    store = await open('overlay')
    expect([store.list(), kept()]).toEqual([[], []])
  })
})

it.skipIf(!able)('forgets in an hour what the network has interrupted', async () => {
  const clock = new FakeClock()
  store = await open('overlay', clock)
  const { image, name } = await push('app', { layers: [base, layer('top')] })
  registry.onBlob = (digest, _request, response, content) => {
    if (digest !== image.layers[1]!.digest) return false
    response.writeHead(200, { 'content-length': content.length })
    response.write(content.subarray(0, 1), () => response.destroy())
    return true
  }
  let ended = false
  const pulled = store.pull(name).catch((error: Error) => error)
  void pulled.then(() => (ended = true))
  while (!ended) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    await clock.advance(20_000)
  }
  expect(await pulled).toMatchObject({ message: expect.stringContaining('failed to pull and unpack') })
  expect(existsSync(path.join(directory, 'blobs'))).toBe(true)
  expect(kept().length).toBeGreaterThan(0)
  await clock.advance(3_600_000)
  await expect.poll(kept, { timeout: 10_000 }).toEqual([])
})

it.skipIf(!able)('stacks layers alike wherever the data lie', async () => {
  const plain = path.join(path.dirname(directory), 'plain')
  mkdirSync(plain)
  const odd = path.join(path.dirname(directory), "it's a 'data' directory")
  mkdirSync(odd)
  expect(await chooseStacking(odd)).toBe(await chooseStacking(plain))
})
