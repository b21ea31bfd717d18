import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import type { ConfigMap } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { leftovers } from '../support/leftovers.ts'
import { root } from '../support/processes.ts'

const folder = temporaryFolder()
afterAll(() => folder[Symbol.dispose]())

interface Refusal {
  code: number
  stdout: string
  stderr: string
}

/** Runs `wheelhouse ARGS` to its end, which must come by itself. */
const run = (...args: string[]): Promise<Refusal> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(root, 'out', 'node', 'cli.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const said = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => (said.stdout += chunk))
    child.stderr.on('data', (chunk) => (said.stderr += chunk))
    const timer = setTimeout(() => {
      child.kill('SIGTERM')
      reject(new Error(`wheelhouse ${args.join(' ')} was not refused: ${said.stdout}${said.stderr}`))
    }, 15_000)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code: code ?? -1, ...said })
    })
  })

/** What a refusal says: one line for people, that ends with the cure, and nothing on stdout. */
async function refusal(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  expect({ code: code > 0, stdout, lines: stderr.trimEnd().split('\n').length }).toEqual({
    code: true,
    stdout: '',
    lines: 1,
  })
  expect(stderr).toMatch(/^wheelhouse: .*\.\n$/)
  expect(stderr).not.toMatch(/\bat .*:\d+:\d+|Error:/)
  return stderr
}

describe('the command line', () => {
  it.each([
    [['up', '--nodes', 'many'], /--nodes takes a list such as process=1,simulated=3, not "many"/],
    [['up', '--nodes', 'process=-1'], /--nodes takes a list/],
    [['up', '--nodes', 'process=99'], /--nodes takes at most process=16/],
    [['up', '--port', 'http'], /--port takes a port from 0 to 65535, not "http"/],
    [['up', '--store', 'redis'], /--store takes lmdb, memory or etcd=URL\[,URL…\], not "redis"/],
    [['up', '--colour'], /--colour.*See --help/],
    [['up', 'now'], /now.*See --help/],
    [['upp'], /There is no command "upp"\. Commands: up, serve/],
    [['serve', '--host', '0.0.0.0'], /--host takes a loopback address/],
  ])('%j is refused with what is wrong', async (args, pattern) => {
    const data = path.join(folder.path, 'never')
    expect(await refusal(...args, ...(args[0] === 'up' ? ['--data', data] : []))).toMatch(pattern)
    expect(readdirSync(folder.path)).not.toContain('never')
  })

  it('helps and tells its version', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('--nodes LIST'), stderr: '' })
    expect(await run('version')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^wheelhouse \d.*Kubernetes v1\.36/),
    })
  })
})

describe('the port', () => {
  it('is refused when another program has it, with the cure; without --port a free one is taken', async () => {
    const data = path.join(folder.path, 'port')
    const server = net.createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    expect(await refusal('up', '--data', data, '--port', String(port))).toBe(
      `wheelhouse: Port ${port} is in use. Choose another with --port, or leave it out for a free one.\n`,
    )
    {
      await using cluster = await up(['--bare'], data)
      expect(new URL(cluster.server).port).not.toBe(String(port))
    }
    await new Promise((resolve) => server.close(resolve))
  })

  it('stays the same from start to start, and another is taken when it is gone', async () => {
    const data = path.join(folder.path, 'remembered')
    const ports: string[] = []
    for (let i = 0; i < 2; i++) {
      await using cluster = await up(['--bare'], data)
      ports.push(new URL(cluster.server).port)
    }
    expect(ports[1]).toBe(ports[0])
    const server = net.createServer()
    await new Promise<void>((resolve) => server.listen(Number(ports[0]), '127.0.0.1', resolve))
    {
      await using cluster = await up(['--bare'], data)
      expect(new URL(cluster.server).port).not.toBe(ports[0])
      expect(await cluster.kubectl('get', '--raw', '/readyz')).toBe('ok')
    }
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('a second start on the same data', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await up(['--bare'])
  })
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  it('is refused and names the process that has it, which goes on unharmed', async () => {
    const kubeconfig = readFileSync(cluster.kubeconfig, 'utf8')
    expect(await refusal('up', '--data', cluster.data)).toBe(
      `wheelhouse: The data directory ${cluster.data} is in use by process ${cluster.pid}. Use that cluster, stop it first, or choose another directory with --data.\n`,
    )
    expect(readFileSync(cluster.kubeconfig, 'utf8')).toBe(kubeconfig)
    await cluster.kubectl('create', 'configmap', 'still-here')
  })

  it('keeps its keys to itself', () => {
    expect(statSync(cluster.kubeconfig).mode & 0o777).toBe(0o600)
    expect(statSync(cluster.data).mode & 0o077).toBe(0)
    expect(cluster.kubeconfig).toBe(path.join(cluster.data, 'kubeconfig'))
  })
})

describe('the data directory', () => {
  it('is refused when a file is in its place', async () => {
    const data = path.join(folder.path, 'a-file')
    writeFileSync(data, 'precious')
    expect(await refusal('up', '--data', data)).toMatch(
      /The data directory .*a-file cannot be written: .*choose another with --data\.\n$/,
    )
    expect(await refusal('up', '--data', path.join(data, 'below'))).toMatch(
      /cannot be written: .*choose another with --data\.\n$/,
    )
    expect(readFileSync(data, 'utf8')).toBe('precious')
  })

  it.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'is refused when it is read-only, and unharmed',
    async () => {
      const data = path.join(folder.path, 'read-only')
      {
        await using cluster = await up(['--bare'], data)
        await cluster.kubectl('create', 'configmap', 'kept')
      }
      execFileSync('mount', ['--bind', data, data])
      try {
        execFileSync('mount', ['-o', 'remount,ro,bind', data])
        expect(await refusal('up', '--data', data)).toMatch(
          /The data directory .*read-only cannot be written: .*choose another with --data\.\n$/,
        )
      } finally {
        execFileSync('umount', [data])
      }
      await using cluster = await up(['--bare'], data)
      await cluster.kubectl('get', 'configmap', 'kept')
    },
  )

  describe('damaged', () => {
    const sound = path.join(folder.path, 'sound')
    const data = path.join(folder.path, 'damaged')
    const store = path.join(data, 'store', 'data.mdb')
    beforeAll(async () => {
      await using cluster = await up(['--bare'], sound)
      await cluster.kubectl('create', 'configmap', 'precious', '--from-literal=worth=much')
    })
    beforeEach(() => {
      rmSync(data, { recursive: true, force: true })
      cpSync(sound, data, { recursive: true })
    })

    it.each([
      [
        'overwritten',
        () => writeFileSync(store, Buffer.concat([Buffer.alloc(8192, 'garbage'), readFileSync(store).subarray(8192)])),
      ],
      ['cut off', () => truncateSync(store, statSync(store).size / 2)],
      ['empty', () => truncateSync(store, 0)],
      ['missing', () => rmSync(store)],
    ])('in its store, which is %s, is refused with the cure, and left as it is', async (_what, damage) => {
      damage()
      const before = readdirSync(path.dirname(store)).includes('data.mdb') ? readFileSync(store) : undefined
      expect(await refusal('up', '--data', data)).toMatch(/damaged.*\. .*(copy|back-?up|--data).*\.\n$/i)
      expect(readdirSync(path.dirname(store)).includes('data.mdb') ? readFileSync(store) : undefined).toEqual(before)
      cpSync(path.join(sound, 'store', 'data.mdb'), store)
      await using cluster = await up(['--bare'], data)
      expect((await cluster.kubectl.json<ConfigMap>('get', 'configmap', 'precious')).data).toEqual({ worth: 'much' })
    })

    it.each(['ca.crt', 'ca.key', 'sa.key'])(
      'in %s, which is the cluster to its clients, is refused with its name',
      async (name) => {
        const file = path.join(data, 'pki', name)
        const content = readFileSync(file)
        writeFileSync(file, 'garbage')
        expect(await refusal('up', '--data', data)).toContain(name)
        writeFileSync(file, content)
        await using cluster = await up(['--bare'], data)
        await cluster.kubectl('get', 'configmap', 'precious')
      },
    )

    it('in what can be made again starts all the same', async () => {
      writeFileSync(path.join(data, 'host.json'), '{"port":')
      writeFileSync(path.join(data, 'pki', 'apiserver.key'), 'garbage')
      rmSync(path.join(data, 'kubeconfig'))
      writeFileSync(path.join(data, 'LOCK'), 'garbage')
      await using cluster = await up(['--bare'], data)
      expect(await cluster.kubectl('get', 'configmap', 'precious', '-o', 'name')).toBe('configmap/precious\n')
    })
  })

  it('with a long and strange name works', async () => {
    const data = path.join(folder.path, `a folder with späces ${'x'.repeat(100)}`)
    mkdirSync(data)
    await using cluster = await up([], data)
    await cluster.kubectl('run', 'web', '--image=wheelhouse/hello:v1')
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=30s')
    expect(await cluster.kubectl('exec', 'web', '--', 'echo', 'here')).toBe('here\n')
  })
})

it('leaves nothing behind after all that', () => {
  expect(readdirSync(folder.path).flatMap((name) => leftovers(path.join(folder.path, name)))).toEqual([])
})
