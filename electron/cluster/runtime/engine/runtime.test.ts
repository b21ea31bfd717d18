import { existsSync, mkdtempSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { busyboxBase } from '../process/images/testing/busybox.ts'
import { buildImage } from '../process/images/testing/image.ts'
import { startRegistry } from '../process/images/testing/registry.ts'
import { connectEngine } from './connection.ts'
import { detectEngine, usualEngines } from './detect.ts'
import { createHarness, type EngineHarness, type EngineHarnessOptions } from './testing/harness.ts'

let making: Promise<EngineHarness>
let harness: EngineHarness
/** For all tests of a group. */
const engineOf = (options: EngineHarnessOptions) => {
  beforeAll(async () => {
    making = createHarness(options)
    harness = await making
  }, 60_000)
  // One that was not made in time is disposed of all the same.
  afterAll(async () => (await making)[Symbol.asyncDispose](), 60_000)
}

const said = async (id: string, ...command: string[]) => {
  const { stdout, stderr } = await harness.runtime.execSync(id, command, 10_000)
  return Buffer.concat([stdout, stderr]).toString()
}
const until = async (what: () => Promise<boolean> | boolean) => {
  while (!(await what())) await systemClock.sleep(50)
}
const texts = async (id: string) => (await harness.log(id)).map((line) => line.text)
const removePods = async () => {
  await Promise.all((await harness.runtime.sandboxes()).map(({ id }) => harness.runtime.removeSandbox(id)))
}

describe('over Docker', () => {
  engineOf({ kind: 'docker' })
  afterEach(removePods)

  it('finds its pods again as they are, when the engine was killed too, and what they said meanwhile', async () => {
    const sandbox = await harness.sandbox({ hostname: 'kept', resources: { memoryLimitBytes: 64 << 20 } })
    const signs = mkdtempSync(path.join(harness.directory, 'signs-'))
    const mounts = [{ hostPath: signs, containerPath: '/signs', readOnly: false }]
    const script =
      'echo begun; while [ ! -e /signs/on ]; do sleep 0.1; done; echo went on; touch /signs/said; sleep 1000'
    const id = await harness.shell(sandbox, script, { mounts, resources: { cpuLimitMilli: 500 } })
    await until(async () => (await texts(id)).includes('begun'))
    const look = async () => [
      (await harness.runtime.sandboxes()).find((each) => each.id === sandbox),
      await harness.runtime.containerStatus(id),
    ]
    const before = await look()
    await harness.runtime[Symbol.asyncDispose]()
    writeFileSync(path.join(signs, 'on'), '')
    await until(() => existsSync(path.join(signs, 'said')))
    await harness.engine.restart()
    await harness.replaceRuntime()
    expect(await look()).toEqual(before)
    expect(before).toMatchObject([
      { state: 'ready', resources: { memoryLimitBytes: 64 << 20 } },
      { state: 'running', resources: { cpuLimitMilli: 500 } },
    ])
    await until(async () => (await texts(id)).includes('went on'))
    expect(await texts(id)).toEqual(['begun', 'went on'])
    expect((await said(id, 'cat', '/etc/hosts')).trimEnd()).toMatch(/\n10\.251\.\d+\.\d+\tkept$/)
  })

  it('goes on with an engine that was killed and started again, and tells of a pod whose namespaces have ended', async () => {
    const sandbox = await harness.sandbox()
    const id = await harness.shell(sandbox, 'sleep 1000')
    await harness.engine.restart()
    await until(async () => (await said(id, 'echo', 'here').catch(() => '')) === 'here\n')
    const stop = new AbortController()
    const events = harness.runtime.events(stop.signal)[Symbol.asyncIterator]()
    await connectEngine(harness.engine.socket).engine.getContainer(`wheelhouse-${sandbox}`).kill()
    while (((await events.next()).value as { sandboxId: string }).sandboxId !== sandbox);
    stop.abort()
    expect((await harness.runtime.sandboxes()).find((each) => each.id === sandbox)?.state).toBe('notready')
  })

  it('shows only the containers of its node', async () => {
    await harness.shell(await harness.sandbox(), 'sleep 1000')
    await using other = await harness.openOther()
    expect([await other.sandboxes(), await other.containers(), await other.stats()]).toEqual([[], [], []])
  })

  it('pins the images of others, removes none that anybody uses, and what pods had pulled when nobody does', async () => {
    const { runtime, images } = harness
    const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
    const { imageId, imageRef } = (await runtime.containerStatus(id))!
    expect(imageId).toBe((await runtime.images.status(images.shell))!.id)
    expect(imageRef).toMatch(new RegExp(`^${images.registry.host}/shell@sha256:[0-9a-f]{64}$`))
    await expect(runtime.images.remove(images.shell)).rejects.toThrow(/is used by container /)
    const push = async (name: string) =>
      images.registry.push(name, '1', await buildImage({ layers: [busyboxBase()], config: { Labels: { name } } }))
    const [ours, theirs] = [await push('ours'), await push('theirs')]
    await runtime.images.pull(ours)
    await text(await connectEngine(harness.engine.socket).streams.pull(theirs))
    await runtime.images.pull(theirs)
    const isPinned = async (name: string) =>
      (await runtime.images.list()).find(({ tags }) => tags.includes(name))!.pinned ?? false
    expect([await isPinned(ours), await isPinned(theirs)]).toEqual([false, true])
    await runtime.images.remove(ours)
    await runtime.images.remove(ours)
    expect(await runtime.images.status(ours)).toBeUndefined()
  })

  it('is not misled by the labels of images', async () => {
    const { runtime, images } = harness
    const Labels = { 'wheelhouse.dev/kind': 'sandbox', 'wheelhouse.dev/pod': '{', 'wheelhouse.dev/container': '{' }
    const name = images.registry.push('sly', '1', await buildImage({ layers: [busyboxBase()], config: { Labels } }))
    await runtime.images.pull(name)
    const id = await harness.shell(await harness.sandbox(), 'sleep 1000', {
      image: name,
      command: ['/bin/sleep', '1000'],
    })
    expect(await runtime.containerStatus(id)).toMatchObject({ name: 'main', state: 'running' })
    expect(await runtime.sandboxes()).toHaveLength(1)
  })

  it('pulls with a login and tells how far it is, and says what is wrong without one', async () => {
    const { images } = harness.runtime
    const login = { username: 'robot', password: 'secret' }
    await using registry = await startRegistry({ auth: 'bearer', login })
    const layers = [busyboxBase(), [{ name: 'more', content: 'x' }]]
    const name = registry.push('team/box', '1', await buildImage({ layers, config: { User: '1234' } }))
    await expect(images.pull(name)).rejects.toThrow(
      /^failed to pull image "127.0.0.1:\d+\/team\/box:1": .*(unauthorized|denied)/,
    )
    const progress: number[] = []
    const pulled = await images.pull(name, login, undefined, ({ layersDone }) => progress.push(layersDone))
    expect(pulled).toMatchObject({ tags: [name], user: 1234 })
    expect(progress.at(-1)).toBe(2)
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
  })

  it('holds programs to a profile of system calls, and shows them what of /proc they may see', async () => {
    const file = path.join(harness.directory, 'profile.json')
    const refused = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }
    writeFileSync(file, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [refused] }))
    const sandbox = await harness.sandbox()
    const held = await harness.shell(sandbox, 'sleep 1000', { seccomp: { file } })
    expect(await said(held, 'mkdir', '/made')).toContain('Operation not permitted')
    const isReadOnly = async (id: string) => / \/proc\/sys [^ ]* ?ro/.test(await said(id, 'cat', '/proc/mounts'))
    const open = await harness.shell(sandbox, 'sleep 1000', { name: 'open', unmaskedProc: true })
    expect([await isReadOnly(held), await isReadOnly(open)]).toEqual([true, false])
    expect(await said(open, 'mkdir', '/made')).toBe('')
  })

  it('shares the namespaces that a pod asks for, and tells it its names', async () => {
    const shared = await harness.sandbox({
      sharePid: true,
      hostname: 'web-0',
      fullHostname: 'web-0.web.default.svc.cluster.local',
      sysctls: { 'net.ipv4.ip_local_port_range': '20000 20100' },
      dns: { servers: ['10.96.0.10'], searches: ['default.svc.cluster.local'], options: ['ndots:5'] },
    })
    const id = await harness.shell(shared, 'sleep 1234')
    await harness.shell(shared, 'sleep 4321', { name: 'other' })
    await until(async () => (await said(id, 'ps')).includes('sleep 4321'))
    expect(await said(id, 'cat', '/proc/sys/net/ipv4/ip_local_port_range')).toBe('20000\t20100\n')
    expect(await said(id, 'hostname')).toBe('web-0\n')
    expect(await said(id, 'cat', '/etc/resolv.conf')).toBe(
      'search default.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
    )
    const apart = await harness.sandbox()
    const first = await harness.shell(apart, 'sleep 1234')
    expect(await said(first, 'ps')).not.toContain('4321')
    const debug = await harness.shell(apart, 'sleep 1000', { name: 'debug', targetContainerId: first })
    expect(await said(debug, 'ps')).toContain('sleep 1234')
    const host = await harness.sandbox({ hostNetwork: true })
    const inHost = await harness.shell(host, 'sleep 1000')
    expect(await said(inHost, 'ls', '-l', '/proc/self/ns/net')).toContain(readlinkSync('/proc/self/ns/net'))
  })

  it('calls a container that the kernel ended for its memory OOMKilled', async () => {
    const resources = { memoryLimitBytes: 16 << 20 }
    const id = await harness.shell(await harness.sandbox(), 'x=x; while true; do x=$x$x; done', { resources })
    await harness.exited(id)
    expect(await harness.runtime.containerStatus(id)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
  })

  it('begins a new log after the old one was renamed, and loses no line', async () => {
    const id = await harness.shell(
      await harness.sandbox(),
      'for i in 1 2; do while [ ! -e /tmp/$i ]; do sleep 0.1; done; echo $i; done; sleep 1000',
    )
    const { logPath } = (await harness.runtime.containerStatus(id))!
    const lines = (file: string): string[] => readFileSync(file, 'utf8').match(/\S+$/gm) ?? []
    await said(id, 'touch', '/tmp/1')
    await until(() => lines(logPath).includes('1'))
    renameSync(logPath, `${logPath}.20260102-150405`)
    await said(id, 'touch', '/tmp/2')
    await until(() => existsSync(logPath) && lines(logPath).includes('2'))
    await harness.replaceRuntime()
    await systemClock.sleep(300)
    expect([lines(`${logPath}.20260102-150405`), lines(logPath)]).toEqual([['1'], ['2']])
  })

  it('reaches what listens on the loopback of a pod, and says when nobody does', async () => {
    const sandbox = await harness.sandbox()
    const id = await harness.shell(sandbox, 'echo hello > /tmp/file; httpd -f -p 127.0.0.1:8001 -h /tmp')
    await until(async () => (await said(id, 'wget', '-q', '-O', '-', 'http://127.0.0.1:8001/file')) === 'hello\n')
    await expect(harness.runtime.dial(sandbox, 8001)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    const stream = await harness.runtime.dial(sandbox, 8001, { loopback: true })
    stream.write('GET /file HTTP/1.0\r\n\r\n')
    expect(await text(stream)).toMatch(/\r\n\r\nhello\n$/)
    await expect(harness.runtime.dial(sandbox, 8002, { loopback: true })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
  })

  it('leaves nothing in the engine or here of a pod that was removed', async () => {
    const sandbox = await harness.sandbox()
    await harness.shell(sandbox, 'sleep 1000')
    await harness.runtime.removeSandbox(sandbox)
    expect(await connectEngine(harness.engine.socket).engine.listContainers({ all: true })).toEqual([])
    const files = path.join(harness.directory, 'state', path.basename(harness.directory), 'pods', sandbox)
    expect(existsSync(files)).toBe(false)
    expect(existsSync('/sys/class/net/' + `w${sandbox.slice(0, 10)}`)).toBe(false)
  })

  it('is found at the socket that was given or named, and says what is wrong with others', async () => {
    const { socket } = harness.engine
    const found = { socket, isHere: true }
    expect(await detectEngine(`unix://${socket}`)).toMatchObject(found)
    expect(await detectEngine(undefined, { DOCKER_HOST: `unix://${socket}` })).toMatchObject(found)
    expect(await detectEngine('/nowhere')).toEqual({ why: 'there is no container engine at /nowhere' })
    expect(await detectEngine('ssh://me@far')).toEqual({ why: expect.stringContaining('is another machine') })
    expect(await detectEngine(undefined, { DOCKER_HOST: 'tcp://far:2375' })).toEqual({
      why: expect.stringContaining('that DOCKER_HOST names at tcp://far:2375 is another machine'),
    })
    expect(usualEngines('darwin', {}, '/Users/me').map(({ socket }) => socket)).toEqual(
      expect.arrayContaining(['/Users/me/.docker/run/docker.sock', '/Users/me/.colima/default/docker.sock']),
    )
    const other = path.join(harness.directory, 'other.sock')
    await using server = createServer((connection) => connection.destroy())
    await new Promise<void>((resolve) => server.listen(other, resolve))
    expect(await detectEngine(other)).toEqual({
      why: expect.stringContaining(`the engine at ${other} does not answer`),
    })
    rmSync(other, { force: true })
  })
})

describe('over an engine in a virtual machine', () => {
  engineOf({ kind: 'docker', isAway: true })
  afterEach(removePods)

  it('reaches ports that pods declare, at addresses by which pods reach each other', async () => {
    const portMappings = [{ protocol: 'TCP' as const, containerPort: 8000 }]
    const sandbox = await harness.sandbox({ hostname: 'web', portMappings })
    const { runtime } = harness
    await runtime.startContainer(await runtime.createContainer(sandbox, harness.container({ image: harness.hello })))
    const { ip } = (await runtime.sandboxes()).find(({ id }) => id === sandbox)!
    expect(ip).toMatch(/^10\.251\.\d+\.\d+$/)
    const client = await harness.shell(await harness.sandbox(), 'sleep 1000')
    const get = () => said(client, 'wget', '-q', '-O', '-', `http://${ip}:8000/`)
    await until(async () => (await get()).includes('"pod":"web"'))
    const ask = async () => {
      const stream = await harness.runtime.dial(sandbox, 8000)
      stream.end('GET / HTTP/1.0\r\n\r\n')
      return text(stream)
    }
    await until(async () => (await ask()).includes('"pod":"web"'))
    await expect(runtime.dial(sandbox, 8001)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await harness.replaceRuntime()
    expect(await ask()).toContain('"pod":"web"')
  })
})

describe('over Podman', () => {
  engineOf({ kind: 'podman' })

  it('runs a pod: names, logs, commands, input, exit codes', async () => {
    const sandbox = await harness.sandbox({ hostname: 'web-0' })
    const script = 'hostname; while read line; do echo "got $line"; done; exit 3'
    const id = await harness.shell(sandbox, script, { stdin: true, stdinOnce: true })
    expect(harness.runtime.version).toMatch(/^podman:\/\/\d/)
    expect(await said(id, 'cat', '/etc/hostname')).toBe('web-0\n')
    expect((await harness.runtime.stats()).find(({ containerId }) => containerId === id)?.memoryBytes).toBeGreaterThan(
      0,
    )
    const session = await harness.runtime.attach(id, { tty: false, stdin: true })
    session.stdin!.end('first\n')
    await harness.exited(id)
    expect(await harness.runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 3, reason: 'Error' })
    await until(async () => (await texts(id)).length === 2)
    expect(await texts(id)).toEqual(['web-0', 'got first'])
    const absent = await harness.runtime.createContainer(sandbox, harness.container({ command: ['no-such-program'] }))
    await expect(harness.runtime.startContainer(absent)).rejects.toThrow(/no-such-program.*executable file not found/)
    expect(await harness.runtime.containerStatus(absent)).toMatchObject({ state: 'exited', reason: 'StartError' })
  }, 60_000)
})
