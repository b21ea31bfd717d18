import { gunzipSync } from 'node:zlib'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { directorySize } from '../../base/directory-size.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { container, pod } from '../testing/builders.ts'
import { Harness } from '../testing/harness.ts'
import { diskLimitExceeded, hasDiskLimits } from './limits.ts'
import { rotate } from './log-rotation.ts'

vi.setConfig({ testTimeout: 30_000 })

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'storage-test-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('rotating a log', () => {
  const log = () => path.join(directory, '0.log')

  it('begins a new file, compresses the ones before the last, and removes the oldest', async () => {
    const clock = new FakeClock()
    for (const text of ['first', 'second', 'third', 'fourth']) {
      await writeFile(log(), text)
      await rotate(log(), 4, clock)
      await clock.advance(1000)
    }
    const files = (await readdir(directory)).sort()
    expect(files).toHaveLength(4)
    expect(files[0]).toBe('0.log')
    expect(files.map((name) => path.extname(name))).toEqual(['.log', '.gz', '.gz', expect.not.stringMatching('gz')])
    expect(await readFile(log(), 'utf8')).toBe('')
    expect(gunzipSync(await readFile(path.join(directory, files[1]!))).toString()).toBe('second')
    expect(await readFile(path.join(directory, files[3]!), 'utf8')).toBe('fourth')
  })
})

describe('limits of storage', () => {
  const sizes = (bytes: Record<string, number>) =>
    new Map(Object.entries(bytes).map(([name, size]) => [name, { bytes: size, files: 1 }]))
  const usage = (volumes: Record<string, number>, roots: Record<string, number> = {}, logs = {}) => ({
    at: 0,
    volumes: sizes(volumes),
    roots: sizes(roots),
    logs: sizes(logs),
  })
  const limited = (bytes: string) => ({ limits: { 'ephemeral-storage': bytes } })

  it('of an emptyDir are its own', () => {
    const of = pod({ spec: { volumes: [{ name: 'data', emptyDir: { sizeLimit: '1Ki' } }] } })
    expect(hasDiskLimits(of)).toBe(true)
    expect(diskLimitExceeded(of, usage({ data: 1024 }))).toBeUndefined()
    expect(diskLimitExceeded(of, usage({ data: 1025 }))).toBe(
      'Usage of EmptyDir volume "data" exceeds the limit "1Ki". ',
    )
  })

  it('of a container count what it wrote and its log', () => {
    const of = pod({ containers: [{ resources: limited('1Ki') }, { name: 'b', resources: limited('1Ki') }] })
    expect(diskLimitExceeded(of, usage({}, { web: 600, b: 600 }, { web: 400 }))).toBeUndefined()
    expect(diskLimitExceeded(of, usage({}, { web: 600, b: 600 }, { web: 500 }))).toBe(
      'Container web exceeded its local ephemeral storage limit "1Ki". ',
    )
  })

  it('of a pod are the sum of those of its containers, and count its volumes on disk', () => {
    const of = pod({ containers: [{ resources: limited('1Ki') }, { name: 'b', resources: limited('1Ki') }] })
    const data = { spec: { ...of.spec!, volumes: [{ name: 'data', emptyDir: {} }] } }
    expect(diskLimitExceeded({ ...of, ...data }, usage({ data: 2000 }, { web: 100 }))).toBe(
      'Pod ephemeral local storage usage exceeds the total limit of containers 2Ki. ',
    )
    const inMemory = { spec: { ...of.spec!, volumes: [{ name: 'data', emptyDir: { medium: 'Memory' } }] } }
    expect(diskLimitExceeded({ ...of, ...inMemory }, usage({ data: 9000 }, { web: 100 }))).toBeUndefined()
  })

  it('are nothing to look for in other pods', () => expect(hasDiskLimits(pod())).toBe(false))
})

describe('a pod over its limit of storage', () => {
  let test: Harness
  beforeEach(async () => {
    test = await new Harness().start()
  })
  afterEach(() => test.stop())

  it('is evicted within seconds, with a grace of one, and fails', async () => {
    const limits = { 'ephemeral-storage': '1Mi' }
    test.run(pod({ spec: { containers: [container({ resources: { limits } })] } }))
    await test.until(() => test.pod()?.status?.phase === 'Running')
    await test.pass(10_000)
    expect(test.pod()?.status?.phase).toBe('Running')
    test.runtime.onWritten = () => 2 * 1024 ** 2
    await test.pass(10_000)
    await test.until(() => test.pod()?.status?.phase === 'Failed')
    const message = 'Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. '
    expect(test.pod()?.status).toMatchObject({ reason: 'Evicted', message })
    expect(test.message('Evicted')).toBe(message)
    await test.until(() => test.runtime.calls.some((call) => call.startsWith('stop web')))
    expect(test.runtime.calls.filter((call) => call.startsWith('stop web'))).toEqual(['stop web 2'])
  })
})

it('measures a directory by the blocks of its files, those with two names once', async () => {
  await writeFile(path.join(directory, 'a'), Buffer.alloc(10_000, 1))
  const one = await directorySize(directory)
  expect(one.files).toBe(1)
  expect(one.bytes).toBeGreaterThanOrEqual(10_000)
  const { link } = await import('node:fs/promises')
  await link(path.join(directory, 'a'), path.join(directory, 'b'))
  expect(await directorySize(directory)).toEqual(one)
  expect(await directorySize(path.join(directory, 'nothing'))).toEqual({ bytes: 0, files: 0 })
})
