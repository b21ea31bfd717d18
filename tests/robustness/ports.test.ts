import net from 'node:net'
import type { Service } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { up, type TestCluster } from '../support/cluster.ts'
import { curl } from '../support/http.ts'
import { loadBalancerAddress } from '../support/services.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await up()
  await cluster.kubectl('run', 'web', '--image=wheelhouse/hello:v1', '--labels=app=web', '--port=8000')
  await cluster.kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=30s')
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

/** A program that has a port of this machine. */
const occupant = (): Promise<{ port: number; leave(): Promise<void> }> =>
  new Promise((resolve) => {
    const server = net.createServer((socket) => socket.end('occupied'))
    server.listen(0, '127.0.0.1', () =>
      resolve({
        port: (server.address() as net.AddressInfo).port,
        leave: () => new Promise((left) => server.close(() => left())),
      }),
    )
  })

const expose = async (name: string, port: number): Promise<Service> => {
  await cluster.kubectl(
    'expose',
    'pod',
    'web',
    `--name=${name}`,
    '--type=LoadBalancer',
    `--port=${port}`,
    '--target-port=8000',
  )
  return eventually('its status', async () => {
    const service = await cluster.kubectl.json<Service>('get', 'service', name)
    return service.status?.loadBalancer?.ingress && service
  })
}

it('serves a load balancer under its own port of localhost', async () => {
  const { port, leave } = await occupant()
  await leave()
  const { status } = await expose('free', port)
  expect(status?.conditions).toMatchObject([{ type: 'wheelhouse.dev/PortsBound', status: 'True' }])
  expect((await curl(`http://localhost:${port}/`)).code).toBe(200)
  expect(await cluster.kubectl('get', 'service', 'free')).toMatch(
    new RegExp(`LoadBalancer +10\\.96\\.[\\d.]+ +127\\.0\\.0\\.1 +${port}:`),
  )
})

it('serves it under another when that one is taken, and says which, in an event and in a condition', async () => {
  const { port, leave } = await occupant()
  const { status } = await expose('busy', port)
  const site = await loadBalancerAddress(cluster.kubectl, 'busy')
  const chosen = site.split(':').at(-1)!
  expect(chosen).not.toBe(String(port))
  expect(JSON.parse((await curl(`${site}/`)).body)).toMatchObject({ pod: 'web' })
  const [condition] = status!.conditions!
  expect(condition).toMatchObject({ type: 'wheelhouse.dev/PortsBound', status: 'False', reason: 'PortInUse' })
  expect(condition!.message).toMatch(new RegExp(`${port}.*in use.*${chosen}`))
  await eventually('the event', async () =>
    (await cluster.kubectl('events', '--for', 'service/busy', '--types=Warning')).includes(
      `LoadBalancerPortUnavailable`,
    ),
  )
  expect(await cluster.kubectl('describe', 'service', 'busy')).toMatch(
    new RegExp(`LoadBalancerPortUnavailable.*${chosen}`),
  )
  await leave()
})
