/**
 * Runs in a network namespace of its own, standing for a machine with two nodes (see kernel-services.test.ts): two pods
 * answer who they are and whom they see, a third asks. Prints what Services lead to.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { dialTcp } from '../pod-network/dial.ts'
import { ServiceTable } from '../service-table.ts'
import { endpoint, service, servicePort, slice } from '../testing.ts'
import { ServiceProxy } from './service-proxy.ts'

const [prefix] = process.argv.slice(2) as [string]
const gateway = '10.244.0.1'
const next = '10.244.0.129'

function run(command: string): string {
  const [file, ...args] = command.split(' ')
  const done = spawnSync(file!, args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${command}: ${done.stderr}`)
  return done.stdout
}

const inside = (pod: string, script: string) =>
  spawn('ip', ['netns', 'exec', `${prefix}${pod}`, process.execPath, '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })

function addPod(name: string, ip: string): void {
  run(`ip netns add ${prefix}${name}`)
  run(`ip link add v${name} type veth peer name eth0 netns ${prefix}${name}`)
  run(`ip link set v${name} master br0 up`)
  run(`ip link set v${name} type bridge_slave hairpin on`)
  const pod = `ip -netns ${prefix}${name}`
  for (const change of [
    `address add ${ip}/32 dev eth0`,
    'link set eth0 up',
    'link set lo up',
    `route add ${gateway} dev eth0 scope link`,
    `route add default via ${gateway}`,
  ])
    run(`${pod} ${change}`)
}

async function serve(name: string) {
  const server = inside(
    name,
    `const seen = (address) => '${name} sees ' + address
     require('net').createServer((socket) => socket.on('error', () => {}).end(seen(socket.remoteAddress))).listen(80, '0.0.0.0', () => {
       const datagrams = require('dgram').createSocket('udp4').on('message', (_, from) => datagrams.send('${name}', from.port, from.address))
       datagrams.bind(53, () => console.log('ready'))
     })
     process.stdin.resume().on('end', () => process.exit())`,
  )
  await once(server.stdout, 'data')
  return server
}

/** Each connection is a new one. */
const ask = async (pod: string, host: string, port: number, times = 1): Promise<string[]> => {
  const script = `const ask = (left) => left && require('net').connect(${port}, '${host}')
    .on('data', (data) => console.log(String(data))).on('error', (error) => console.log(error.code)).on('close', () => ask(left - 1))
    ask(${times})`
  return (await text(inside(pod, script).stdout)).trim().split('\n')
}

const askFromHere = (host: string, port: number): Promise<string> =>
  text(connect({ host, port })).catch((error: NodeJS.ErrnoException) => String(error.code))

for (const command of [
  'link set lo up',
  'link add br0 type bridge',
  `address add ${gateway}/24 dev br0`,
  `address add ${next}/32 dev br0`,
  'link set br0 up',
  'route add 198.51.100.0/24 dev br0',
])
  run(`ip ${command}`)
run('sysctl -qw net.ipv4.ip_forward=1')
const pods = { one: '10.244.0.2', two: '10.244.0.130', client: '10.244.0.3' }
for (const [name, ip] of Object.entries(pods)) addPod(name, ip)
// Where packets to an address that no Service has would end, if they passed.
run(`ip route add 10.96.0.0/16 via ${pods.one}`)
run(`ip -netns ${prefix}one address add 10.96.0.99/32 dev lo`)
const servers = [await serve('one'), await serve('two')]

const services = new ServiceTable()
const proxy = await ServiceProxy.create({
  clock: systemClock,
  logger: silentLogger,
  services,
  nodes: [
    { name: 'here', podCidr: '10.244.0.0/25', address: gateway },
    { name: 'next', podCidr: '10.244.0.128/25', address: next },
  ],
  clusterId: 'one',
  network: { driver: 'bridge', podCidr: '10.244.0.0/24', gateway, dial: dialTcp },
  onPorts() {},
})
proxy.setRanges(['10.96.0.0/16'])
const endpoints = { one: endpoint(pods.one), two: endpoint(pods.two, { nodeName: 'next' }) }
const both = [endpoints.one, endpoints.two]
const ports = [{ port: 80 }, { name: 'dns', port: 53, protocol: 'UDP' }]
services.setService(service('both', { clusterIP: '10.96.0.2' }))
services.setSlice(slice('both', both, ports))
services.setService(service('sticky', { clusterIP: '10.96.0.3', sessionAffinity: 'ClientIP' }))
services.setSlice(slice('sticky', both, ports))
services.setService(service('local', { clusterIP: '10.96.0.4', internalTrafficPolicy: 'Local' }))
services.setSlice(slice('local', both, ports))
services.setService(service('self', { clusterIP: '10.96.0.5' }))
services.setSlice(slice('self', [endpoints.one], ports))
services.setService(
  service('names', { clusterIP: '10.96.0.6', ports: [servicePort(53, { name: 'dns', protocol: 'UDP' })] }),
)
services.setSlice(slice('names', [endpoints.one], ports))
const outer = { type: 'NodePort' as const, externalIPs: ['198.51.100.7'] }
services.setService(
  service('outer', { clusterIP: '10.96.0.7', ...outer, ports: [servicePort(80, { nodePort: 30_080 })] }),
)
services.setSlice(slice('outer', [endpoints.two], ports))
const local = { type: 'NodePort' as const, externalTrafficPolicy: 'Local' }
services.setService(
  service('door', { clusterIP: '10.96.0.9', ...local, ports: [servicePort(80, { nodePort: 30_081 })] }),
)
services.setSlice(slice('door', [endpoints.one], ports))
services.setService(service('nobody', { clusterIP: '10.96.0.8', externalIPs: ['198.51.100.8'] }))
await proxy.settled()

const results: Record<string, unknown> = {}
try {
  results['both'] = (await ask('client', '10.96.0.2', 80, 4)).toSorted()
  const [first] = await ask('client', '10.96.0.3', 80)
  results['sticky'] = new Set([first, ...(await ask('client', '10.96.0.3', 80, 4))]).size
  services.setService(service('sticky', { clusterIP: '10.96.0.3', sessionAffinity: 'None' }))
  await proxy.settled()
  results['no longer sticky'] = new Set(await ask('client', '10.96.0.3', 80, 4)).size
  results['local'] = [await ask('client', '10.96.0.4', 80, 2), await ask('two', '10.96.0.4', 80, 2)]
  results['itself'] = await ask('one', '10.96.0.5', 80)
  results['from outside'] = [await ask('client', '198.51.100.7', 80), await ask('client', next, 30_080)]
  // The client is a pod of the first node, `two` one of the next.
  results['Local at each node, from its pods and from others'] = await Promise.all(
    ['client', 'two'].map((from) => Promise.all([gateway, next].map((to) => ask(from, to, 30_081)))),
  )
  results['Local at each node, from the machine'] = await Promise.all(
    [gateway, next].map((to) => askFromHere(to, 30_081)),
  )
  results['no service'] = await ask('client', '10.96.0.99', 80)
  results['nobody'] = [await ask('client', '10.96.0.8', 80), await ask('client', '198.51.100.8', 80)]

  const client = inside(
    'client',
    `const socket = require('dgram').createSocket('udp4').on('message', (answer) => console.log(String(answer)))
     socket.bind(4000)
     process.stdin.on('data', () => socket.send('?', 53, '10.96.0.6')).on('end', () => process.exit())`,
  )
  const says = async () => {
    client.stdin.write('\n')
    return String((await once(client.stdout, 'data'))[0]).trim()
  }
  const answers = [await says()]
  services.setSlice(slice('names', [endpoints.two], ports))
  await proxy.settled()
  answers.push(await says())
  services.setSlice(slice('names', [endpoints.one], ports))
  await proxy.settled()
  answers.push(await says())
  client.stdin.end()
  results['datagrams of one client'] = answers
  results['limits'] = proxy.limits
} finally {
  await proxy[Symbol.asyncDispose]()
  for (const server of servers) server.stdin.end()
  results['left behind'] = run('nft list tables')
}
process.stdout.write(JSON.stringify(results))
