import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { stringify } from 'yaml'
import { defaultKubeconfigFiles, readContexts, watchFiles } from './kubeconfigs.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(path.join(os.tmpdir(), 'kube-'))))
afterEach(() => rmSync(folder, { recursive: true }))

interface Parts {
  contexts?: [name: string, cluster: string, user: string, namespace?: string][]
  clusters?: Record<string, object>
  users?: Record<string, object>
}

function write(name: string, { contexts = [], clusters = {}, users = {} }: Parts): string {
  const file = path.join(folder, name)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: Object.entries(clusters).map(([of, cluster]) => ({ name: of, cluster })),
    users: Object.entries(users).map(([of, user]) => ({ name: of, user })),
    contexts: contexts.map(([of, cluster, user, namespace]) => ({
      name: of,
      context: { cluster, user, ...(namespace ? { namespace } : {}) },
    })),
  }
  writeFileSync(file, stringify(config))
  return file
}

it('reads the contexts of every file, each with what it needs alone', () => {
  const file = write('config', {
    contexts: [
      ['dev', 'a', 'u', 'team'],
      ['prod', 'b', 'v'],
    ],
    clusters: { a: { server: 'https://a:6443/' }, b: { server: 'https://b' } },
    users: { u: { token: 't' }, v: { token: 's' } },
  })
  const { contexts } = readContexts([file])
  expect(contexts.map(({ id, server, namespace }) => [id, server, namespace])).toEqual([
    [`${file}#dev`, 'https://a:6443', 'team'],
    [`${file}#prod`, 'https://b', undefined],
  ])
  expect(contexts[0]!.access.fingerprint).not.toContain('https://b')
})

it('finds clusters and users in the other files of $KUBECONFIG, its own first', () => {
  const one = write('one', { contexts: [['x', 'shared', 'u']], users: { u: { token: 'mine' } } })
  const two = write('two', { clusters: { shared: { server: 'https://two' } }, users: { u: { token: 'other' } } })
  const [context] = readContexts([one, two]).contexts
  expect(context).toMatchObject({ server: 'https://two', access: { user: { token: 'mine' } } })
})

it('means paths from the folder of the file that names them', () => {
  const file = write('config', {
    contexts: [['x', 'c', 'u']],
    clusters: { c: { server: 'https://c', 'certificate-authority': 'ca.crt' } },
    users: { u: { 'client-certificate': 'me.crt', tokenFile: 'token' } },
  })
  expect(readContexts([file]).contexts[0]!.access).toMatchObject({
    cluster: { caFile: path.join(folder, 'ca.crt') },
    user: {
      certFile: path.join(folder, 'me.crt'),
      authProvider: { config: { tokenFile: path.join(folder, 'token') } },
    },
  })
})

it('lists a context whose cluster is missing, so that it can be told what is wrong', () => {
  const file = write('config', { contexts: [['x', 'gone', 'u']] })
  expect(readContexts([file]).contexts).toMatchObject([{ name: 'x', server: '' }])
})

it('tells of a file that is no kubeconfig, and reads the others', () => {
  const good = write('good', { contexts: [['x', 'c', 'u']], clusters: { c: { server: 'https://c' } } })
  const bad = path.join(folder, 'bad')
  writeFileSync(bad, 'contexts: [1\n')
  const empty = path.join(folder, 'empty')
  writeFileSync(empty, '\n')
  const read = readContexts([bad, empty, path.join(folder, 'absent'), good, good])
  expect(read.contexts.map(({ name }) => name)).toEqual(['x'])
  expect(read.problems).toEqual([
    { file: bad, message: expect.stringContaining(`${bad} is not a kubeconfig: `) as string },
  ])
})

it('takes the files that kubectl takes', () => {
  expect(defaultKubeconfigFiles({ KUBECONFIG: ['/a', '', '/b'].join(path.delimiter) }, '/home/x')).toEqual(['/a', '/b'])
  expect(defaultKubeconfigFiles({}, '/home/x')).toEqual([path.join('/home/x', '.kube', 'config')])
})

it('notices a file that appears in a folder that did not exist, is replaced, and goes', async () => {
  const file = path.join(folder, '.kube', 'config')
  const changed = vi.fn()
  const watcher = watchFiles([file], changed, 10)
  const next = async (change: () => void) => {
    changed.mockClear()
    change()
    await vi.waitFor(() => expect(changed).toHaveBeenCalled(), 3000)
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  await next(() => {
    mkdirSync(path.dirname(file))
    writeFileSync(file, 'a')
  })
  await next(() => {
    writeFileSync(`${file}.new`, 'bb')
    renameSync(`${file}.new`, file)
  })
  await next(() => rmSync(file))
  watcher[Symbol.dispose]()
})
