import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { systemRandom } from '../../base/random.ts'
import { busyboxBase } from '../process/images/testing/busybox.ts'
import { buildImage } from '../process/images/testing/image.ts'
import { startRegistry } from '../process/images/testing/registry.ts'
import { detectRuntime } from './detect.ts'
import { openCni } from './cni.ts'
import { createHarness, type CriHarness } from './testing/harness.ts'

let making: Promise<CriHarness>
let harness: CriHarness
beforeAll(async () => {
  making = createHarness()
  harness = await making
}, 60_000)
// One that was not made in time is disposed of all the same.
afterAll(async () => (await making)[Symbol.asyncDispose](), 60_000)

const said = async (id: string, ...command: string[]) => {
  const { stdout, stderr } = await harness.runtime.execSync(id, command, 10_000)
  return Buffer.concat([stdout, stderr]).toString()
}
const until = async (what: () => Promise<boolean> | boolean) => {
  while (!(await what())) await systemClock.sleep(50)
}

it('finds its pods again as they are, with what they were asked to be', async () => {
  const sandbox = await harness.sandbox({ hostname: 'kept', resources: { memoryLimitBytes: 64 << 20 } })
  const id = await harness.shell(sandbox, 'sleep 1000', { resources: { cpuLimitMilli: 500 } })
  const sandboxOf = async () => (await harness.runtime.sandboxes()).find((each) => each.id === sandbox)
  const before = [await sandboxOf(), await harness.runtime.containerStatus(id)]
  await harness.replaceRuntime()
  expect([await sandboxOf(), await harness.runtime.containerStatus(id)]).toEqual(before)
  expect(before).toMatchObject([
    { state: 'ready', resources: { memoryLimitBytes: 64 << 20 } },
    { state: 'running', resources: { cpuLimitMilli: 500 } },
  ])
  const second = await harness.shell(sandbox, 'cat /etc/hosts', { name: 'second' })
  await harness.exited(second)
  const { ip } = (await sandboxOf())!
  expect((await harness.log(second)).map((line) => line.text).at(-1)).toBe(`${ip}\tkept`)
})

it('goes on with a containerd that was killed and started again, and tells of what ended meanwhile', async () => {
  const sandbox = await harness.sandbox()
  const lasting = await harness.shell(sandbox, 'sleep 1000')
  const signs = mkdtempSync(path.join(harness.directory, 'signs-'))
  const script = 'while [ ! -e /signs/stop ]; do sleep 0.1; done; touch /signs/stopped; exit 9'
  const mounts = [{ hostPath: signs, containerPath: '/signs', readOnly: false }]
  const short = await harness.shell(sandbox, script, { name: 'short', mounts })
  const stop = new AbortController()
  const events = harness.runtime.events(stop.signal)[Symbol.asyncIterator]()
  await harness.containerd.restart(async () => {
    writeFileSync(path.join(signs, 'stop'), '')
    await until(() => existsSync(path.join(signs, 'stopped')))
  })
  for (;;) {
    const { value } = await events.next()
    if ((value as { containerId?: string }).containerId === short) break
  }
  stop.abort()
  expect(await harness.runtime.containerStatus(short)).toMatchObject({ state: 'exited', exitCode: 9 })
  expect(await said(lasting, 'echo', 'here')).toBe('here\n')
})

it('shows only the pods of its node', async () => {
  const sandbox = await harness.sandbox()
  await harness.shell(sandbox, 'sleep 1000')
  await using other = await harness.openOther()
  expect([await other.sandboxes(), await other.containers(), await other.stats()]).toEqual([[], [], []])
  expect((await harness.runtime.sandboxes()).map(({ id }) => id)).toContain(sandbox)
})

it('knows images by id and digest, and removes none that anybody uses', async () => {
  const { runtime, images } = harness
  const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
  const { imageId, imageRef } = (await runtime.containerStatus(id))!
  expect(imageId).toBe((await runtime.images.status(images.shell))!.id)
  expect(imageRef).toMatch(new RegExp(`^${images.registry.host}/shell@sha256:[0-9a-f]{64}$`))
  await expect(runtime.images.remove(images.shell)).rejects.toThrow(/is used by container /)
  const spare = images.registry.push('spare', '1', await buildImage({ layers: [busyboxBase()] }))
  await runtime.images.pull(spare)
  await runtime.images.remove(spare)
  await runtime.images.remove(spare)
  expect(await runtime.images.status(spare)).toBeUndefined()
})

it('pulls with a login, and says what is wrong without one or with what came', async () => {
  const { images } = harness.runtime
  const login = { username: 'robot', password: 'secret' }
  await using registry = await startRegistry({ auth: 'bearer', login })
  const image = await buildImage({ layers: [busyboxBase()], config: { User: '1234' } })
  const name = registry.push('team/box', '1', image)
  await expect(images.pull(name)).rejects.toThrow(/^rpc error: code = Unknown desc = failed to pull .*401 Unauthorized/)
  expect(await images.pull(name, login)).toMatchObject({ tags: [name], user: 1234 })
  const other = await buildImage({ layers: [busyboxBase(), [{ name: 'more', content: 'x' }]] })
  registry.onBlob = (digest, _request, response, content) => {
    if (digest !== other.layers[1]!.digest) return false
    response.end(Buffer.alloc(content.length, 'corrupt'))
    return true
  }
  const spoilt = registry.push('team/spoilt', '1', other)
  await expect(images.pull(spoilt, login)).rejects.toThrow(
    /failed to pull and unpack image .*(digest|checksum|archive)/,
  )
  expect(await images.status(spoilt)).toBeUndefined()
})

it('gives up a pull that nobody waits for', async () => {
  const { images, runtime } = harness
  const stop = new AbortController()
  const image = await buildImage({ layers: [busyboxBase(), [{ name: 'slow', content: 'x' }]] })
  const name = images.registry.push('slow', '1', image)
  const held = new Promise<void>((resolve) => {
    images.registry.onBlob = (digest) => {
      if (digest !== image.layers[1]!.digest) return false
      resolve()
      return true
    }
  })
  const pulling = runtime.images.pull(name, undefined, stop.signal)
  try {
    await Promise.race([held, pulling])
    stop.abort(new Error('nobody waits'))
    await expect(pulling).rejects.toThrow('nobody waits')
  } finally {
    images.registry.onBlob = () => false
  }
})

it('runs programs as who they are to be, with what they may', async () => {
  const id = await harness.shell(await harness.sandbox(), 'sleep 1000', {
    runAsUser: 1000,
    runAsGroup: 2000,
    supplementalGroups: [3000],
    capabilities: { add: [], drop: ['ALL'] },
    noNewPrivileges: true,
    readOnlyRootFilesystem: true,
    seccomp: 'RuntimeDefault',
    oomScoreAdjust: 321,
  })
  expect(await said(id, 'id')).toBe('uid=1000 gid=2000 groups=2000,3000\n')
  const status = await said(id, 'cat', '/proc/self/status')
  expect(status).toMatch(/^CapBnd:\s+0+$/m)
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
  expect(status).toMatch(/^Seccomp:\s+2$/m)
  expect(await said(id, 'cat', '/proc/1/oom_score_adj')).toBe('321\n')
  expect(await said(id, 'touch', '/file')).toContain('Read-only file system')
  const plain = await harness.shell(await harness.sandbox(), 'sleep 1000')
  expect(await said(plain, 'cat', '/proc/self/status')).toMatch(/^Seccomp:\s+0$/m)
  expect(await said(plain, 'cat', '/proc/keys')).toBe('')
  const mighty = await harness.shell(await harness.sandbox({ privileged: true }), 'sleep 1000', { privileged: true })
  expect(await said(mighty, 'sh', '-c', 'mount -t tmpfs none /tmp && echo done')).toBe('done\n')
})

it('shares the namespaces that a pod asks for', async () => {
  const shared = await harness.sandbox({ sharePid: true, sysctls: { 'net.ipv4.ip_local_port_range': '20000 20100' } })
  const id = await harness.shell(shared, 'sleep 1234')
  await harness.shell(shared, 'sleep 4321', { name: 'other' })
  await until(async () => (await said(id, 'ps')).includes('sleep 4321'))
  expect(await said(id, 'cat', '/proc/sys/net/ipv4/ip_local_port_range')).toBe('20000\t20100\n')
  const apart = await harness.sandbox()
  const first = await harness.shell(apart, 'sleep 1234')
  expect(await said(first, 'ps')).not.toContain('4321')
  const debug = await harness.shell(apart, 'sleep 1000', { name: 'debug', targetContainerId: first })
  expect(await said(debug, 'ps')).toContain('sleep 1234')
  const host = await harness.sandbox({ hostNetwork: true })
  const inHost = await harness.shell(host, 'sleep 1000')
  expect((await harness.runtime.sandboxes()).find((each) => each.id === host)?.ip).toBe('')
  expect(await said(inHost, 'ls', '-l', '/proc/self/ns/net')).toContain(readlinkSync('/proc/self/ns/net'))
})

it('refuses a runtime handler that the runtime does not have', async () => {
  await expect(harness.sandbox({ runtimeHandler: 'absent' })).rejects.toThrow(
    /^rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "absent" is configured$/,
  )
  await harness.sandbox({ runtimeHandler: 'runc' })
})

it('tells pods their names and where names are known', async () => {
  const sandbox = await harness.sandbox({
    hostname: 'web-0',
    fullHostname: 'web-0.web.default.svc.cluster.local',
    dns: { servers: ['10.96.0.10'], searches: ['default.svc.cluster.local'], options: ['ndots:5'] },
    hostAliases: [{ ip: '1.2.3.4', hostnames: ['far'] }],
  })
  const id = await harness.shell(sandbox, 'sleep 1000')
  expect(await said(id, 'hostname')).toBe('web-0\n')
  expect(await said(id, 'cat', '/etc/resolv.conf')).toBe(
    'search default.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
  )
  const hosts = await said(id, 'cat', '/etc/hosts')
  const { ip } = (await harness.runtime.sandboxes()).find(({ id: each }) => each === sandbox)!
  expect(hosts).toContain(`\n${ip}\tweb-0.web.default.svc.cluster.local\tweb-0\n`)
  expect(hosts).toContain('1.2.3.4\tfar')
  await harness.runtime.removeSandbox(sandbox)
  expect(existsSync(path.join(harness.directory, 'state/test', sandbox))).toBe(false)
})

it('begins a new log after the old one was renamed', async () => {
  const id = await harness.shell(
    await harness.sandbox(),
    'for i in 1 2 3; do while [ ! -e /tmp/$i ]; do sleep 0.1; done; echo $i; done; sleep 1000',
  )
  const { logPath } = (await harness.runtime.containerStatus(id))!
  const old = `${logPath}.1`
  const lines = (file: string) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' ').at(-1))
  const say = async (what: string, file: string) => {
    await said(id, 'touch', `/tmp/${what}`)
    await until(() => lines(file).includes(what))
  }
  await say('1', logPath)
  renameSync(logPath, old)
  await say('2', old)
  await harness.runtime.reopenLog!(id)
  await say('3', logPath)
  expect({ old: lines(old), new: lines(logPath) }).toEqual({ old: ['1', '2'], new: ['3'] })
})

it('reaches what listens on the loopback of a pod, and says when nobody does', async () => {
  const sandbox = await harness.sandbox()
  const id = await harness.shell(sandbox, 'echo hello > /tmp/file; httpd -f -p 127.0.0.1:8001 -h /tmp')
  await until(async () => (await said(id, 'wget', '-q', '-O', '-', 'http://127.0.0.1:8001/file')) === 'hello\n')
  await expect(harness.runtime.dial(sandbox, 8001)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  const stream = await harness.runtime.dial(sandbox, 8001, { loopback: true })
  stream.write('GET /file HTTP/1.0\r\n\r\n')
  expect(await text(stream)).toMatch(/\r\n\r\nhello\n$/)
  const nobody = await harness.runtime.dial(sandbox, 8002, { loopback: true })
  await expect(text(nobody)).rejects.toThrow(/^error forwarding port 8002 to pod .*connection refused/)
})

it('holds all containers of a pod together to its limits, and leaves no control group behind', async () => {
  const uid = systemRandom.uuid()
  const sandbox = await harness.sandbox({ uid, resources: { memoryLimitBytes: 64 << 20 } })
  const id = await harness.shell(sandbox, 'sleep 1000')
  const groups = () =>
    ['', ...readdirSync('/sys/fs/cgroup')].flatMap((tree) => {
      const folder = path.join('/sys/fs/cgroup', tree)
      const ours = existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder) : []
      return ours
        .filter((name) => name.startsWith('wheelhouse-'))
        .map((name) => path.join(folder, name, `${uid}-0`))
        .filter((group) => existsSync(group))
    })
  const limit = () =>
    groups().flatMap((group) =>
      ['memory.limit_in_bytes', 'memory.max'].flatMap((file) =>
        existsSync(path.join(group, file)) ? [Number(readFileSync(path.join(group, file)))] : [],
      ),
    )
  expect(groups().some((group) => existsSync(path.join(group, id)))).toBe(true)
  expect(limit()).toEqual([64 << 20])
  await harness.runtime.updateSandbox(sandbox, { memoryLimitBytes: 128 << 20 })
  expect(limit()).toEqual([128 << 20])
  const usage = (await harness.runtime.stats()).find(({ containerId }) => containerId === id)
  expect(usage?.details?.processes).toBe(1)
  await harness.runtime.stopSandbox(sandbox)
  expect(groups()).toEqual([])
})

it('counts what a pod sends and receives', async () => {
  const sandbox = await harness.sandbox()
  const id = await harness.shell(sandbox, 'sleep 1000')
  const sent = async () =>
    (await harness.runtime.networkStats())
      .find(({ sandboxId }) => sandboxId === sandbox)!
      .interfaces.find(({ name }) => name === 'eth0')!.sent.bytes
  const before = await sent()
  await said(id, 'ping', '-c', '1', '-s', '1000', harness.network.gateway)
  expect((await sent()) - before).toBeGreaterThan(1000)
})

it('gives out a pod when policies hold for its address, and leaves nothing of one for which they cannot', async () => {
  const sandbox = await harness.sandbox()
  const { ip } = (await harness.runtime.sandboxes()).find(({ id }) => id === sandbox)!
  expect(harness.told.admitted.get(sandbox)).toBe(ip)
  await harness.runtime.stopSandbox(sandbox)
  expect(harness.told.admitted.has(sandbox)).toBe(false)
  const before = await harness.runtime.sandboxes()
  harness.told.refusal = new Error('no policies can be read')
  try {
    await expect(harness.sandbox()).rejects.toThrow('no policies can be read')
  } finally {
    harness.told.refusal = undefined
  }
  expect(await harness.runtime.sandboxes()).toEqual(before)
})

it('has the host ports of a pod lead to it, for an agent that comes later too, until it is stopped', async () => {
  const portMappings = [{ protocol: 'TCP', containerPort: 80, hostPort: 8080 }] as const
  const sandbox = await harness.sandbox({ portMappings })
  expect(harness.told.exposed.get(sandbox)).toEqual(portMappings)
  harness.told.exposed.clear()
  await harness.replaceRuntime()
  expect(harness.told.exposed.get(sandbox)).toEqual(portMappings)
  await harness.runtime.stopSandbox(sandbox)
  expect(harness.told.exposed.has(sandbox)).toBe(false)
})

it('gives pods no addresses but those that policies know', async () => {
  const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
  expect((await said(id, 'cat', '/proc/net/if_inet6')).match(/\S+$/gm)).toEqual(['lo'])
})

it('uses a network that somebody else has configured, and says what that means', async () => {
  const cni = await openCni({
    clock: systemClock,
    socket: harness.containerd.socket,
    name: 'another',
    podCidr: harness.network.podCidr,
    directory: harness.directory,
  })
  expect(cni.limits).toEqual([expect.stringContaining('the network "wheelhouse-test"')])
})

it('is found at the socket that was given, and says what is wrong with others', async () => {
  const { socket } = harness.containerd
  expect(await detectRuntime(systemClock, `unix://${socket}`)).toEqual({ socket })
  expect(await detectRuntime(systemClock, '/nowhere')).toEqual({ why: 'there is no container runtime at /nowhere' })
  const other = path.join(harness.directory, 'other.sock')
  await using server = createServer((connection) => connection.destroy())
  await new Promise<void>((resolve) => server.listen(other, resolve))
  expect(await detectRuntime(systemClock, other)).toEqual({
    why: expect.stringContaining(`the container runtime at ${other} does not answer: rpc error: code = Unavailable`),
  })
})
