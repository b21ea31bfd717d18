import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'

export interface TestEtcd extends AsyncDisposable {
  url: string
  /** Runs etcdctl against it; answers stdout. */
  ctl(...args: readonly string[]): Buffer
  /** Ends it as a crash would; `start` brings it back on the same port, with the same data. */
  kill(): Promise<void>
  start(): Promise<void>
}

/** A private etcd on free loopback ports, with its data below the temporary folder. */
export async function startEtcd(args: readonly string[] = []): Promise<TestEtcd> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wheelhouse-etcd-'))
  const [client, peer] = (await freePorts(2)).map((port) => `http://127.0.0.1:${port}`) as [string, string]
  let kill = async () => {}
  const start = async () => {
    kill = await run(folder, client, peer, args)
  }
  await start()
  return {
    url: client,
    ctl: (...more) =>
      execFileSync('etcdctl', ['--endpoints', client, ...more], {
        env: { ...process.env, ETCDCTL_API: '3' },
        maxBuffer: 256 * 1024 * 1024,
      }),
    kill: () => kill(),
    start,
    async [Symbol.asyncDispose]() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function run(
  folder: string,
  client: string,
  peer: string,
  args: readonly string[],
): Promise<() => Promise<void>> {
  const own = ['--name', 'test', '--data-dir', path.join(folder, 'data')]
  const urls = ['--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer]
  const cluster = ['--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`]
  // One member elects itself as soon as it may.
  const quick = ['--heartbeat-interval', '10', '--election-timeout', '100', '--logger', 'zap']
  const child = spawn('etcd', [...own, ...urls, ...cluster, ...quick, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  const exited = new Promise<void>((resolve) => child.on('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.on('error', (error) =>
      reject(new Error(`etcd cannot be run (apt-get install etcd-server): ${error.message}`)),
    )
    child.on('exit', () => reject(new Error(`etcd has ended: ${said.slice(-2000)}`)))
    child.stderr.on('data', (text) => {
      said += String(text)
      if (said.includes('serving client traffic')) resolve()
    })
  })
  child.stderr.removeAllListeners('data').resume()
  return async () => {
    child.kill('SIGKILL')
    await exited
  }
}

/** Ports that nobody listens on. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
