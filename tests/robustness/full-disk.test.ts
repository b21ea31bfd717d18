import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeList } from '#shared/kube/object.ts'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/wait.ts'
import { rawClient, type RawClient } from '../support/raw.ts'

const collection = '/api/v1/namespaces/default/configmaps'
const isRoot = process.platform === 'linux' && process.getuid?.() === 0

describe.runIf(isRoot)('a server whose disk is full', () => {
  const folder = temporaryFolder()
  const disk = path.join(folder.path, 'disk')
  const ballast = path.join(disk, 'ballast')
  let cluster: TestCluster
  let client: RawClient
  let mounted = false
  const acknowledged = new Map<string, string>()

  const write = async (method: 'POST' | 'PUT', name: string, content: string) => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { content } }
    const answer = await client.request(method, method === 'POST' ? collection : `${collection}/${name}`, body)
    if (answer.status < 300) acknowledged.set(name, content)
    return answer
  }
  const contents = async () => {
    const { body } = await client.request('GET', collection)
    const { items } = JSON.parse(body) as KubeList<ConfigMap>
    return new Map(
      items.flatMap(({ metadata, data }) => (data?.content ? [[metadata!.name!, data.content] as const] : [])),
    )
  }
  /** Leaves no block free. */
  const fill = () => {
    const block = Buffer.alloc(4096)
    for (;;) {
      try {
        writeFileSync(ballast, block, { flag: 'a' })
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
        return
      }
    }
  }

  beforeAll(async () => {
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'none', disk])
    mounted = true
    cluster = await up(['--bare'], path.join(disk, 'data'))
    client = rawClient(cluster.kubeconfig, 16)
    for (let i = 0; i < 20; i++) await write('POST', `m${i}`, `before-${i}`)
  })
  afterAll(async () => {
    client?.[Symbol.dispose]()
    await cluster?.process[Symbol.asyncDispose]()
    if (mounted) execFileSync('umount', [disk])
    folder[Symbol.dispose]()
  })

  it('refuses writes with the cause and the cure, and answers everything else', async () => {
    expect(acknowledged.size).toBe(20)
    fill()
    // What is free inside the data file still takes small writes.
    const refused = await Promise.all(
      Array.from({ length: 40 }, (_, i) => write('PUT', `m${i % 20}`, `${i}-${'x'.repeat(300_000)}`)),
    )
    const refusals = refused.filter(({ status }) => status >= 300)
    expect(refusals.length).toBeGreaterThan(20)
    for (const { status, body } of refusals) {
      expect([status, JSON.parse(body)]).toEqual([
        500,
        expect.objectContaining({
          reason: 'InternalError',
          message: expect.stringMatching(
            /the disk of .* is full\. Free some space: writes work again once there is room/,
          ),
        }),
      ])
    }
    expect(await contents()).toEqual(acknowledged)
    expect((await client.request('GET', '/readyz')).body).toBe('ok')
    expect((await client.request('GET', '/apis')).status).toBe(200)
  })

  it('goes on without a restart once there is room, has lost nothing, and says both in its log', async () => {
    rmSync(ballast)
    for (let i = 0; i < 20; i++) expect((await write('PUT', `m${i}`, `after-${i}`)).status).toBe(200)
    expect(await contents()).toEqual(acknowledged)
    await cluster.process[Symbol.asyncDispose]()
    client[Symbol.dispose]()
    cluster = await up(['--bare'], path.join(disk, 'data'))
    client = rawClient(cluster.kubeconfig, 16)
    expect(await contents()).toEqual(acknowledged)
    expect(readFileSync(path.join(disk, 'data', 'logs', 'cluster.log'), 'utf8')).toMatch(
      /lines were lost|writes are refused[^]*writes work again/,
    )
  })

  it('says so when it is started on one', async () => {
    await cluster.process[Symbol.asyncDispose]()
    fill()
    const refusal: Error = await up(['--bare'], path.join(disk, 'data')).then(
      async (started) => {
        await started.process[Symbol.asyncDispose]()
        throw new Error('it started')
      },
      (error: Error) => error,
    )
    expect(refusal.message).toMatch(/: wheelhouse: .*(full|no space left).*\.\n$/i)
    rmSync(ballast)
    cluster = await up(['--bare'], path.join(disk, 'data'))
    client = rawClient(cluster.kubeconfig, 16)
    expect(await contents()).toEqual(acknowledged)
  })
})

describe.runIf(isRoot)('a node whose disk a pod nearly fills', () => {
  it('evicts that pod, takes away what it wrote, keeps the others, and leaves nothing when it ends', async () => {
    using folder = temporaryFolder()
    const disk = path.join(folder.path, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'none', disk])
    try {
      // Its end fails when anything is left.
      await using cluster = await up([], path.join(disk, 'data'))
      const run = async (name: string, script: string) => {
        const spec = { containers: [{ name: 'main', image: 'wheelhouse/shell', command: ['node', '-e', script] }] }
        const pod = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec })
        expect((await cluster.kubectl.run(['create', '-f', '-'], pod)).stderr).toBe('')
      }
      const status = (name: string) => cluster.kubectl.json<Pod>('get', 'pod', name).then((pod) => pod.status!)
      await run('other', 'setInterval(() => {}, 1000)')
      await eventually('the other runs', async () => (await status('other')).phase === 'Running', 60_000)
      // It leaves so much that the server can write.
      const room = '(({ bavail, bsize }) => bavail * bsize)(fs.statfsSync("/"))'
      const fillUp = `while (${room} > 15e6) fs.appendFileSync("/big", Buffer.alloc(1e6)); setInterval(() => {}, 1000)`
      await run('filler', fillUp)
      await eventually('the filler is evicted', async () => (await status('filler')).reason === 'Evicted', 90_000)
      const free = () => statfsSync(disk).bavail * statfsSync(disk).bsize
      await eventually('there is room again', () => free() > 100e6, 60_000)
      expect((await status('other')).phase).toBe('Running')
    } finally {
      execFileSync('umount', [disk])
    }
  }, 300_000)
})
