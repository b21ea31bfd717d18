import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { conflict, forbidden, gone, StatusError } from '#shared/kube/status.ts'
import type { KubeObject, WatchEvent } from '#shared/kube/object.ts'
import { FakeApiServer, podsOf } from '../testing/fake-api-server.ts'
import { ApiConnection, type Contact } from './api-connection.ts'
import type { ExecConfig } from './exec-login.ts'

let server: FakeApiServer
beforeEach(async () => void (server = await FakeApiServer.start()))
afterEach(() => server[Symbol.asyncDispose]())

const signal = () => new AbortController().signal
const list = '/api/v1/pods'

describe('a request', () => {
  it('reads the same packed and unpacked', async () => {
    const connection = new ApiConnection(server.access())
    server.store.put(podsOf('default'), { metadata: { name: 'wëb' } })
    const plain = await connection.json(list)
    server.zipped = true
    expect(await connection.json(list)).toEqual(plain)
  })

  it('fails with the server’s own words', async () => {
    const connection = new ApiConnection(server.access())
    server.fault = () => forbidden({ group: '', plural: 'pods' }, '', 'User "x" cannot list resource "pods"')
    await expect(connection.json(list)).rejects.toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: 'pods is forbidden: User "x" cannot list resource "pods"',
    })
    server.fault = () => conflict({ group: 'apps', plural: 'deployments' }, 'web', 'changed')
    await expect(connection.json(list)).rejects.toMatchObject({ code: 409, reason: 'Conflict' })
    server.fault = () => ({ code: 502, body: '<html>Bad Gateway</html>', headers: { 'content-type': 'text/html' } })
    await expect(connection.json(list)).rejects.toMatchObject({ code: 502, message: 'The server answered 502.' })
    server.fault = () => ({ code: 200, body: '<html>Please log in</html>' })
    await expect(connection.json(list)).rejects.toMatchObject({ reason: 'BadAnswer' })
  })

  it('hands over warnings, quotes and all', async () => {
    const connection = new ApiConnection(server.access())
    server.warnings = ['policy/v1beta1 is deprecated', 'unknown field "spec.\\x", ignored']
    expect((await connection.json(list)).warnings).toEqual(server.warnings)
  })

  it('says in a sentence, with the cure, that nothing answers', async () => {
    const connection = new ApiConnection(server.access())
    await server.close()
    await expect(connection.json(list)).rejects.toMatchObject({
      reason: 'Unreachable',
      message: expect.stringContaining('Nothing answers at http://127.0.0.1:') as string,
      cure: expect.any(String) as string,
    })
  })

  it('does not wait for ever for an answer, nor for the rest of one', async () => {
    const connection = new ApiConnection(server.access(), { answerMs: 50, connectMs: 30 })
    server.fault = () => 'silence'
    await expect(connection.json(list)).rejects.toMatchObject({
      reason: 'Unreachable',
      message: expect.stringContaining('did not answer in time') as string,
    })
    server.fault = () => ({ body: '{"half', headers: { 'content-length': '1000' } })
    await expect(connection.json(list)).rejects.toMatchObject({ reason: 'Unreachable' })
  })

  it('waits as long as it takes where the caller is patient: the log of a silent container has no head', async () => {
    const connection = new ApiConnection(server.access(), { answerMs: 10, connectMs: 10 })
    const abort = new AbortController()
    server.fault = () => 'silence'
    let failed = false
    const opening = connection
      .open(list, { patience: Infinity, signal: abort.signal })
      .catch((error: unknown) => ((failed = true), error))
    await vi.waitFor(() => expect(server.requests).toHaveLength(1))
    await expect(connection.json('/version')).rejects.toThrow()
    expect(failed).toBe(false)
    abort.abort()
    expect(await opening).toMatchObject({ reason: 'Cancelled' })
  })

  it('uses one connection for one after the other, and takes another when the server closed it', async () => {
    const connection = new ApiConnection(server.access())
    for (let i = 0; i < 5; i++) await connection.json(list)
    expect(server.connections).toBe(1)
    server.fault = ({ path }) => (path === list && server.requests.length === 6 ? 'cut' : undefined)
    await connection.json(list)
    expect(server.requests).toHaveLength(7)
  })

  it('never sends a change twice, though the server cut it off', async () => {
    const connection = new ApiConnection(server.access())
    await connection.json(list)
    server.fault = () => 'cut'
    await expect(connection.json(list, { method: 'POST', body: {} })).rejects.toMatchObject({ reason: 'Unreachable' })
    expect(server.asked(/^POST/)).toHaveLength(1)
  })

  it('ends when nobody wants it any more', async () => {
    const connection = new ApiConnection(server.access())
    const abort = new AbortController()
    server.fault = () => 'silence'
    const asked = connection.json(list, { signal: abort.signal })
    abort.abort()
    await expect(asked).rejects.toMatchObject({ reason: 'Cancelled' })
  })

  it('tells after each whether the server was reached, and when it is back', async () => {
    const connection = new ApiConnection(server.access())
    const contacts: Contact[] = []
    connection.onContact((contact) => contacts.push(contact))
    server.fault = () => forbidden({ group: '', plural: 'pods' }, '', 'no')
    await connection.json(list).catch(() => {})
    const { port } = server
    await server.close()
    await connection.json(list).catch(() => {})
    server.fault = () => undefined
    await server.listen(port)
    await connection.json(list)
    expect(contacts).toMatchObject([
      { reached: true, recovered: false },
      { reached: false },
      { reached: true, recovered: true },
    ])
  })

  it('impersonates the groups of the kubeconfig, which the library leaves out', async () => {
    const connection = new ApiConnection(server.access({ 'as-groups': ['dev', 'ops'], 'as-uid': '7' }))
    await connection.json(list)
    expect(server.requests[0]!.headers).toMatchObject({ 'impersonate-group': 'dev, ops', 'impersonate-uid': '7' })
  })
})

describe('a watch', () => {
  const events = async (watch: AsyncIterable<WatchEvent<KubeObject>>) => {
    const names: string[] = []
    for await (const { type, object } of watch)
      names.push(`${type} ${object.metadata?.name ?? object.metadata?.resourceVersion}`)
    return names
  }
  const watchFrom = (connection: ApiConnection, version: number) =>
    connection.watch<KubeObject>(`${list}?watch=true&resourceVersion=${version}`, signal())

  it('gives events until the server ends it', async () => {
    const connection = new ApiConnection(server.access())
    const watch = await watchFrom(connection, server.store.revision)
    server.store.put(podsOf('default'), { metadata: { name: 'a' } })
    server.bookmark()
    server.endWatches()
    expect(await events(watch)).toEqual(['ADDED a', `BOOKMARK ${server.store.revision}`])
  })

  it('fails with 410 told by an event in the stream', async () => {
    const watch = await watchFrom(new ApiConnection(server.access()), server.store.revision)
    server.endWatches(gone('too old resource version'))
    const failure = await events(watch).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StatusError)
    expect(failure).toMatchObject({ code: 410 })
  })

  it('fails when it breaks in the middle of a line', async () => {
    const watch = await watchFrom(new ApiConnection(server.access()), server.store.revision)
    server.endWatches('cut')
    await expect(events(watch)).rejects.toMatchObject({ reason: 'Unreachable' })
  })

  it('ends when nothing comes any more, not even bookmarks', async () => {
    const watch = await watchFrom(new ApiConnection(server.access(), { watchMs: 30 }), server.store.revision)
    expect(await events(watch)).toEqual([])
    await vi.waitFor(() => expect(server.watching).toBe(0))
  })

  it('does not take the reader’s own slowness for silence', async () => {
    const watch = await watchFrom(new ApiConnection(server.access(), { watchMs: 60 }), server.store.revision)
    server.store.put(podsOf('default'), { metadata: { name: 'a' } })
    await watch.next()
    await new Promise((resolve) => setTimeout(resolve, 120))
    server.store.put(podsOf('default'), { metadata: { name: 'b' } })
    expect((await watch.next()).value).toMatchObject({ object: { metadata: { name: 'b' } } })
    await watch.return(undefined)
  })
})

describe('an upgrade', () => {
  it('speaks the first protocol that the server knows, and loses no word that it says at once', async () => {
    server.onSocket = (socket) => socket.send('hello')
    const socket = await new ApiConnection(server.access()).upgrade(
      '/api/v1/namespaces/a/pods/b/exec',
      ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
      signal(),
    )
    expect(socket.protocol).toBe('v5.channel.k8s.io')
    await new Promise((resolve) => setTimeout(resolve, 20))
    const first = new Promise((resolve) => socket.on('message', (data: Buffer) => resolve(data.toString())))
    socket.resume()
    expect(await first).toBe('hello')
    socket.terminate()
  })

  it('fails with the server’s own words', async () => {
    server.fault = () => forbidden({ group: '', plural: 'pods' }, 'b', 'no exec')
    await expect(
      new ApiConnection(server.access()).upgrade('/api/v1/namespaces/a/pods/b/exec', ['v5.channel.k8s.io'], signal()),
    ).rejects.toMatchObject({ code: 403, message: 'pods "b" is forbidden: no exec' })
  })
})

describe.skipIf(process.platform === 'win32')('an exec plug-in', () => {
  let folder: string
  beforeEach(() => void (folder = mkdtempSync(path.join(os.tmpdir(), 'login-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  /** A plug-in that hands out token-1, token-2 and so on, and counts its runs. */
  function plugin(script: string): ExecConfig {
    const file = path.join(folder, 'login.sh')
    writeFileSync(file, `#!/bin/sh\necho run >> ${folder}/runs\nn=$(wc -l < ${folder}/runs | tr -d ' ')\n${script}\n`)
    chmodSync(file, 0o755)
    return { command: './login.sh', apiVersion: 'client.authentication.k8s.io/v1' }
  }
  const give = (more = '') =>
    `echo "{\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"token-$n\\"${more}}}"`
  const runs = () =>
    existsSync(path.join(folder, 'runs')) ? readFileSync(path.join(folder, 'runs'), 'utf8').split('\n').length - 1 : 0
  const connect = async (exec: ExecConfig) => {
    const { accessOf } = await import('./kubeconfigs.ts')
    return new ApiConnection(
      accessOf(
        { name: 'c', server: server.url, skipTLSVerify: false, caData: 'Q0E=' },
        { name: 'u' },
        { exec },
        folder,
      ),
    )
  }

  it('runs once for all who ask at the same time, and again only when its answer has expired', async () => {
    const connection = await connect(plugin(`sleep 0.1\n${give()}`))
    server.tokens = new Set(['token-1'])
    await Promise.all(Array.from({ length: 8 }, () => connection.json(list)))
    await connection.json(list)
    expect(runs()).toBe(1)
  })

  it('runs again for an expired credential', async () => {
    const connection = await connect(plugin(give(',\\"expirationTimestamp\\":\\"2020-01-01T00:00:00Z\\"')))
    await connection.json(list)
    await connection.json(list)
    expect(runs()).toBe(2)
  })

  it('runs once more for a 401, however many meet it, and then believes it', async () => {
    const connection = await connect(plugin(`sleep 0.1\n${give()}`))
    server.tokens = new Set(['token-1'])
    await connection.json(list)
    server.tokens = new Set(['token-2'])
    await Promise.all(Array.from({ length: 5 }, () => connection.json(list)))
    expect(runs()).toBe(2)
    server.tokens = new Set()
    await expect(connection.json(list)).rejects.toMatchObject({ code: 401 })
    expect(runs()).toBe(3)
  })

  it('logs WebSockets in as well', async () => {
    const connection = await connect(plugin(give()))
    server.tokens = new Set(['token-2'])
    const socket = await connection.upgrade('/api/v1/namespaces/a/pods/b/exec', ['v5.channel.k8s.io'], signal())
    socket.terminate()
    expect(runs()).toBe(2)
  })

  it('is told which cluster it is for', async () => {
    const connection = await connect({
      ...plugin(`echo "$KUBERNETES_EXEC_INFO" > ${folder}/info\n${give()}`),
      provideClusterInfo: true,
    })
    await connection.json(list)
    expect(JSON.parse(readFileSync(path.join(folder, 'info'), 'utf8'))).toMatchObject({
      kind: 'ExecCredential',
      apiVersion: 'client.authentication.k8s.io/v1',
      spec: { interactive: false, cluster: { server: server.url, 'certificate-authority-data': 'Q0E=' } },
    })
  })

  it.each([
    [
      'is not installed',
      { command: 'no-such-login', installHint: 'Get it at example.com.' },
      { message: 'The login program no-such-login is not installed.', cure: 'Get it at example.com.' },
    ],
    [
      'needs a terminal',
      { command: 'x', interactiveMode: 'Always' as const },
      { message: 'The login program x needs a terminal.' },
    ],
  ])('that %s is named, with the cure', async (_what, exec, failure) => {
    await expect((await connect(exec)).json(list)).rejects.toMatchObject({ reason: 'Login', ...failure })
  })

  it('that failed is not run again with every retry, but when a person asks', async () => {
    const connection = await connect(plugin('exit 1'))
    for (let i = 0; i < 3; i++)
      await expect(connection.json(list)).rejects.toMatchObject({
        message: expect.stringContaining('code 1') as string,
      })
    expect(runs()).toBe(1)
    connection.retryLogin()
    await connection.json(list).catch(() => {})
    expect(runs()).toBe(2)
  })

  it('that fails is quoted', async () => {
    const connection = await connect(plugin('echo noise >&2; echo "token has expired" >&2; exit 3'))
    await expect(connection.json(list)).rejects.toMatchObject({
      message: 'The login program ./login.sh ended with code 3: token has expired',
    })
    expect(server.requests).toEqual([])
  })

  it('that waits for a person who is not there is ended', async () => {
    const { ExecLogin } = await import('./exec-login.ts')
    const login = new ExecLogin({ exec: plugin('exec sleep 60'), cluster: {}, folder, patienceMs: 100 })
    await expect(login.credential()).rejects.toMatchObject({
      message: expect.stringContaining('did not finish') as string,
    })
  })
})
