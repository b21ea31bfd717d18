import { loadPackageDefinition, Server, ServerCredentials, status, type sendUnaryData } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { cniName, openCni } from './cni.ts'
import { descriptor } from './descriptor.ts'

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

/** A runtime without a network, that has the plug-ins for ours and takes the first that it is given; or goes away then. */
async function startRuntime({ goesAway = false } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'wh-cni-'))
  folders.push(folder)
  const configurations = path.join(folder, 'net.d')
  const plugins = path.join(folder, 'bin')
  mkdirSync(plugins)
  for (const name of ['ptp', 'tuning', 'host-local', 'loopback']) writeFileSync(path.join(plugins, name), '')
  mkdirSync(configurations)
  const { v1 } = loadPackageDefinition(fromJSON(descriptor as Parameters<typeof fromJSON>[0], { keepCase: true }))
    .runtime as unknown as { v1: { RuntimeService: { service: Parameters<Server['addService']>[0] } } }
  const seen: string[] = []
  const server = new Server()
  server.addService(v1.RuntimeService.service, {
    Status(_: unknown, answer: sendUnaryData<object>) {
      const [first] = readdirSync(configurations).filter((file) => file.endsWith('.conflist'))
      if (first) seen.push(first)
      if (first && goesAway) return answer({ code: status.UNAVAILABLE, details: 'going away' })
      const { name: Name } = first
        ? (JSON.parse(readFileSync(path.join(configurations, first), 'utf8')) as { name: string })
        : {}
      const Networks = first ? [{ Config: { Name }, IFName: 'eth0' }] : []
      answer(null, {
        status: { conditions: [{ type: 'NetworkReady', status: first !== undefined }] },
        info: { cniconfig: JSON.stringify({ PluginConfDir: configurations, PluginDirs: [plugins], Networks }) },
      })
    },
  })
  const socket = path.join(folder, 'runtime.sock')
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  )
  const open = (hash: string) =>
    openCni({
      clock: systemClock,
      socket,
      name: cniName(hash),
      podCidr: '10.251.11.0/24',
      directory: path.join(folder, hash),
    })
  return { folder, configurations, open, seen, [Symbol.dispose]: () => server.forceShutdown() }
}

it('takes its network away again when the runtime does not come to have it', async () => {
  using runtime = await startRuntime({ goesAway: true })
  await expect(runtime.open('0123abcd')).rejects.toThrow('rpc error: code = Unavailable desc = going away')
  expect(runtime.seen).toEqual(['10-wheelhouse-0123abcd.conflist'])
  expect(readdirSync(runtime.configurations)).toEqual([])
})

it('takes the place of a cluster that was killed, and uses the network of one that lives', async () => {
  using runtime = await startRuntime()
  // The first by name, as runtimes choose.
  const dead = path.join(runtime.folder, '00000000')
  mkdirSync(dead)
  const plugins = [{ type: 'ptp', ipam: { type: 'host-local', dataDir: dead } }]
  const left = JSON.stringify({ cniVersion: '0.4.0', name: cniName('00000000'), plugins })
  writeFileSync(path.join(runtime.configurations, '10-wheelhouse-00000000.conflist'), left)
  const living = await runtime.open('88888888')
  expect([living.limits, readdirSync(runtime.configurations)]).toEqual([[], ['10-wheelhouse-88888888.conflist']])
  const next = await runtime.open('99999999')
  expect(next.limits).toEqual([expect.stringContaining('the network "wheelhouse-88888888"')])
  await living[Symbol.asyncDispose]()
  const last = await runtime.open('99999999')
  expect([last.limits, readdirSync(runtime.configurations)]).toEqual([[], ['10-wheelhouse-99999999.conflist']])
  await last[Symbol.asyncDispose]()
  expect(readdirSync(runtime.configurations)).toEqual([])
})
