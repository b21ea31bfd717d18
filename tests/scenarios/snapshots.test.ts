import type { ConfigMap } from 'kubernetes-types/core/v1'
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { up, temporaryFolder, type TestCluster } from '../support/cluster.ts'
import { startEtcd, type TestEtcd } from '../support/etcd.ts'
import { kubectl } from '../support/kubectl.ts'
import { wheelhouse } from '../support/processes.ts'

const folder = temporaryFolder()
const at = (...names: string[]) => path.join(folder.path, ...names)
let etcds: TestEtcd[]

beforeAll(async () => {
  etcds = [await startEtcd(), await startEtcd()]
})
afterAll(async () => {
  for (const etcd of etcds) await etcd[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const snapshot = async (...args: string[]) => {
  const done = await wheelhouse<{ event: string; entries: number }>(['snapshot', ...args])
  await done.exited
  return done.ready
}
const authority = (server: TestCluster) =>
  /certificate-authority-data: (\S+)/.exec(readFileSync(server.kubeconfig, 'utf8'))?.[1]
const widget = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'kept', labels: { a: 'b' } },
  data: { text: 'ünï\n' },
}

describe.each(['lmdb', 'memory', 'etcd'] as const)('a running cluster on %s', (from) => {
  const store = (which: number, kind: string) => (kind === 'etcd' ? `etcd=${etcds[which]!.url}` : kind)
  let before: ConfigMap
  let token: string
  let trusted: string | undefined

  it('is saved as it is', async () => {
    await using cluster = await up(['--bare', '--store', store(0, from)], at(from, 'old'))
    await cluster.kubectl.run(['create', '-f', '-'], JSON.stringify(widget))
    await cluster.kubectl('create', 'serviceaccount', 'robot')
    token = (await cluster.kubectl('create', 'token', 'robot')).trim()
    before = await cluster.kubectl.json<ConfigMap>('get', 'configmap', 'kept')
    trusted = authority(cluster)
    expect(await snapshot('save', at(from, 'snapshot'), '--data', cluster.data)).toMatchObject({ event: 'saved' })
    const other = await cluster.kubectl.run([
      '--as=system:serviceaccount:default:robot',
      'get',
      '--raw',
      '/wheelhouse/v1/dump',
    ])
    expect(other.stderr).toContain('Forbidden')
    await cluster.kubectl('delete', 'configmap', 'kept')
  })

  it.each(['lmdb', 'memory', 'etcd'] as const)('is the same cluster when it is restored to %s', async (to) => {
    expect(await snapshot('restore', at(from, 'snapshot'), '--data', at(from, to))).toMatchObject({ event: 'restored' })
    etcds[1]!.ctl('del', '--prefix', '/')
    await using cluster = await up(['--bare', '--store', store(1, to)], at(from, to))
    const after = await cluster.kubectl.json<ConfigMap>('get', 'configmap', 'kept')
    const revision = to === 'etcd' ? { resourceVersion: after.metadata!.resourceVersion } : {}
    expect(after).toEqual({ ...before, metadata: { ...before.metadata, ...revision } })
    expect(authority(cluster)).toBe(trusted)
    const bearer = [
      '--kubeconfig',
      '/dev/null',
      '--insecure-skip-tls-verify',
      '--server',
      cluster.server,
      '--token',
      token,
    ]
    expect(
      await kubectl(cluster.kubeconfig)(...bearer, 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'),
    ).toBe('system:serviceaccount:default:robot')
    await cluster.kubectl('label', 'configmap', 'kept', 'still=written')
  })
})

describe('a stopped cluster', () => {
  it.each(['lmdb', 'etcd'] as const)('on %s is saved from its store', async (from) => {
    const state = await snapshot('save', at('stopped'), '--data', at(from, 'old'))
    expect(state.entries).toBeGreaterThan(150)
  })

  it('in memory is gone', async () => {
    await expect(snapshot('save', at('gone'), '--data', at('memory', 'old'))).rejects.toThrow('store in memory is gone')
    expect(existsSync(at('gone'))).toBe(false)
  })
})

describe('refusals', () => {
  it('names the directory in which there is no cluster', async () => {
    await expect(snapshot('save', at('x'), '--data', at('nowhere'))).rejects.toThrow(`no cluster in ${at('nowhere')}`)
    expect(existsSync(at('nowhere'))).toBe(false)
  })

  it('restores nothing from a truncated file, and nothing over a cluster', async () => {
    const file = at('lmdb', 'snapshot')
    await expect(snapshot('restore', file, '--data', at('lmdb', 'old'))).rejects.toThrow('is not empty')
    writeFileSync(at('cut'), readFileSync(file))
    truncateSync(at('cut'), 2000)
    await expect(snapshot('restore', at('cut'), '--data', at('new'))).rejects.toThrow('is no whole snapshot')
    expect(readdirSync(folder.path)).not.toContain('new')
  })
})
