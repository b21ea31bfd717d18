/**
 * Runs in a network namespace of its own, standing for a machine (see entrance-table.test.ts). Two clusters with the
 * same service range are on it, each with a pod; prints what their cluster IPs answer to the host and to the pods.
 */
import { spawn, spawnSync } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { createSocket } from 'node:dgram'
import { text } from 'node:stream/consumers'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { dialTcp } from '../pod-network/dial.ts'
import { ServiceTable } from '../service-table.ts'
import { endpoint, service, servicePort, slice } from '../testing.ts'
import { ServiceProxy } from '../service-proxy/service-proxy.ts'

const [namespacePrefix] = process.argv.slice(2) as [string]

function run(command: string, allowFailure = false): string {
  const [file, ...args] = command.split(' ')
  const done = spawnSync(file!, args, { encoding: 'utf8' })
  if (done.status !== 0 && !allowFailure) throw new Error(`${command}: ${done.stderr}`)
  return done.stdout
}

const ask = (host: string, port: number) =>
  text(connect({ host, port })).catch((error: NodeJS.ErrnoException) => error.code)

/** Connects from within a pod. */
function askFromPod(namespace: string, host: string, port: number): Promise<string> {
  const script = `require('net').connect(${port},'${host}').on('data',d=>console.log(String(d))).on('error',e=>console.log(e.code))`
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return text(child.stdout).then((answer) => answer.trim())
}

function askUdp(host: string, port: number): Promise<string> {
  const socket = createSocket('udp4')
  return new Promise((resolve) => {
    socket.once('message', (answer, { address }) => {
      socket.close()
      resolve(`${answer.toString()} from ${address}`)
    })
    socket.send('?', port, host)
  })
}

async function cluster(id: string, number: number) {
  const gateway = `10.24${number}.0.1`
  const pod = `${namespacePrefix}${id}`
  run(`ip link add br${id} type bridge`)
  run(`ip address add ${gateway}/24 dev br${id}`)
  run(`ip link set br${id} up`)
  run(`ip netns add ${pod}`)
  run(`ip link add v${id} type veth peer name eth0 netns ${pod}`)
  run(`ip link set v${id} master br${id} up`)
  run(`ip -netns ${pod} address add 10.24${number}.0.2/32 dev eth0`)
  run(`ip -netns ${pod} link set eth0 up`)
  run(`ip -netns ${pod} route add ${gateway} dev eth0 scope link`)
  run(`ip -netns ${pod} route add default via ${gateway}`)
  const backend = createServer((socket) => socket.end(id))
  await new Promise<void>((resolve) => backend.listen(8080, gateway, resolve))
  const datagrams = createSocket('udp4').on('message', (_, from) => datagrams.send(id, from.port, from.address))
  await new Promise<void>((resolve) => datagrams.bind(5353, gateway, resolve))

  const services = new ServiceTable()
  const proxy = await ServiceProxy.create({
    clock: systemClock,
    logger: silentLogger,
    services,
    nodes: [{ name: 'here', podCidr: `10.24${number}.0.0/24`, address: gateway }],
    clusterId: id,
    network: { driver: 'bridge', podCidr: `10.24${number}.0.0/24`, gateway, dial: dialTcp },
    onPorts() {},
  })
  proxy.setRanges(['10.96.0.0/16', `10.20${number}.0.0/24`])
  // The first address is one that both clusters have, as they both have 10.96.0.1.
  for (const [name, clusterIP] of [
    ['shared', '10.96.0.1'],
    ['own', `10.96.${number}.7`],
    ['further', `10.20${number}.0.7`],
  ] as const) {
    services.setService(
      service(name, { clusterIP, ports: [servicePort(80), servicePort(53, { name: 'dns', protocol: 'UDP' })] }),
    )
    services.setSlice(slice(name, [endpoint(gateway)], [{ port: 8080 }, { name: 'dns', port: 5353, protocol: 'UDP' }]))
  }
  services.setService(service('idle', { clusterIP: `10.96.${number}.8` }))
  await proxy.settled()
  const stop = async () => {
    await proxy[Symbol.asyncDispose]()
    backend.close()
    datagrams.close()
    run(`ip netns delete ${pod}`)
  }
  return { services, proxy, pod, stop }
}

const results: Record<string, unknown> = {}
run('ip link set lo up')
const [a, b] = [await cluster('a', 4), await cluster('b', 5)]
try {
  results['host to each cluster'] = [await ask('10.96.4.7', 80), await ask('10.96.5.7', 80)]
  results['host and pod to a further range'] = [
    await ask('10.205.0.7', 80),
    await askFromPod(b.pod, '10.205.0.7', 80),
    await askFromPod(b.pod, '10.205.0.9', 80),
  ]
  b.proxy.setRanges(['10.96.0.0/16'])
  await b.proxy.settled()
  results['a range that has gone'] = run('ip route show 10.205.0.0/24')
  results['pods to the address that both have'] = [
    await askFromPod(a.pod, '10.96.0.1', 80),
    await askFromPod(b.pod, '10.96.0.1', 80),
  ]
  results['pod to the other cluster'] = await askFromPod(a.pod, '10.96.5.7', 80).then((answer) => answer !== 'b')
  results['datagrams'] = await askUdp('10.96.5.7', 53)
  results['no endpoints'] = [await ask('10.96.4.8', 80), await askFromPod(a.pod, '10.96.4.8', 80)]
  a.services.setSlice(slice('idle', [endpoint('10.244.0.1')], [{ port: 8080 }]))
  a.services.setSlice(slice('own', []))
  await a.proxy.settled()
  results['after the endpoints moved'] = [await ask('10.96.4.8', 80), await ask('10.96.4.7', 80)]
  results['limits'] = a.proxy.limits
} finally {
  await a.stop()
  results['of the other cluster, after one has gone'] = await ask('10.96.5.7', 80)
  await b.stop()
  results['left behind'] = [
    run('nft list tables'),
    run('ip route show 10.96.0.0/16'),
    run('ip route show 10.204.0.0/24'),
  ]
}
process.stdout.write(JSON.stringify(results))
