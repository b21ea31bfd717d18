import { loadPackageDefinition, Server, ServerCredentials, status, type sendUnaryData } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { openCni } from './cni.ts'
import { descriptor } from './descriptor.ts'

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

/** A runtime without a network, that has the plug-ins for ours. It goes away as soon as a configuration is there. */
async function startRuntime() {
  const folder = mkdtempSync(path.join(tmpdir(), 'wh-cni-'))
  folders.push(folder)
  const configurations = path.join(folder, 'net.d')
  const plugins = path.join(folder, 'bin')
  mkdirSync(plugins)
  for (const name of ['ptp', 'host-local', 'loopback']) writeFileSync(path.join(plugins, name), '')
  mkdirSync(configurations)
  const { v1 } = loadPackageDefinition(fromJSON(descriptor as Parameters<typeof fromJSON>[0], { keepCase: true }))
    .runtime as unknown as { v1: { RuntimeService: { service: Parameters<Server['addService']>[0] } } }
  const seen: string[] = []
  const server = new Server()
  server.addService(v1.RuntimeService.service, {
    Status(_: unknown, answer: sendUnaryData<object>) {
      seen.push(...readdirSync(configurations))
      if (seen.length) answer({ code: status.UNAVAILABLE, details: 'going away' })
      else
        answer(null, {
          info: { cniconfig: JSON.stringify({ PluginConfDir: configurations, PluginDirs: [plugins] }) },
        })
    },
  })
  const socket = path.join(folder, 'runtime.sock')
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  )
  return { folder, configurations, socket, seen, [Symbol.dispose]: () => server.forceShutdown() }
}

it('takes its network away again when the runtime does not come to have it', async () => {
  using runtime = await startRuntime()
  const opening = openCni({
    clock: systemClock,
    socket: runtime.socket,
    name: 'ours',
    podCidr: '10.251.11.0/24',
    directory: path.join(runtime.folder, 'addresses'),
  })
  await expect(opening).rejects.toThrow('rpc error: code = Unavailable desc = going away')
  expect(runtime.seen).toEqual(['10-ours.conflist'])
  expect(readdirSync(runtime.configurations)).toEqual([])
})
