import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { open } from 'lmdb'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { createHarness, processesOf, type Harness } from './testing/harness.ts'
import { buildPrograms, type Programs } from './testing/programs.ts'

let programs: Programs
let harness: Harness

beforeAll(async () => {
  programs = await buildPrograms()
}, 60_000)
afterAll(() => programs[Symbol.asyncDispose]())

describe.each(['bubblewrap', 'unshare'] as const)('by %s', (isolation) => {
  beforeEach(async () => {
    harness = await createHarness({ programs, isolation })
  }, 30_000)
  afterEach(() => harness[Symbol.asyncDispose](), 30_000)

  const output = async (id: string, ...command: string[]) =>
    (await harness.runtime.execSync(id, command, 10_000)).stdout.toString()

  async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await condition())) await systemClock.sleep(20)
  }

  describe('isolation', { timeout: 30_000 }, () => {
    it('is complete on this machine, but for what it says', () => {
      expect(harness.runtime.limits).toEqual([])
    })

    it('shows a container its own processes, host name and files, and none of the host', async () => {
      const id = await harness.shell(await harness.sandbox({ hostname: 'alone' }), 'sleep 1000; true')
      expect(await output(id, 'hostname')).toBe('alone\n')
      const commands = async () =>
        (await output(id, 'ps'))
          .split('\n')
          .slice(1, -1)
          .map((line) => line.slice(21))
      // A tool shows its own name once it runs.
      await until(async () => !(await commands()).some((command) => command.includes('box.mjs')))
      expect(await commands()).toEqual(['sh -c sleep 1000; true', 'sleep 1000', 'ps'])
      expect((await output(id, 'ls', '/')).split('\n')).toEqual(
        expect.arrayContaining(['bin', 'etc', 'proc', 'tmp', 'usr']),
      )
      expect(
        await output(id, 'sh', '-c', 'ls /home; ls /root; ls /usr/bin/perl /usr/bin/python3 2>/dev/null; echo end'),
      ).toBe('end\n')
      expect(await output(id, 'id')).toBe('uid=0(root) gid=0(root) groups=0(root)\n')
    })

    it('gives root inside no power over the host, in exec sessions neither', async () => {
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
      // Writes back what is there: harmless where it should succeed after all.
      const script =
        'const file = "/proc/sys/vm/swappiness"; try { fs.writeFileSync(file, fs.readFileSync(file)); console.log("written") } catch (error) { console.log(error.code) }'
      expect(await output(id, 'node', '-e', script)).toMatch(/^(EROFS|EACCES|EPERM)\n$/)
    })

    it("gives containers devices that work and are not the machine's, so that root cannot take those from it", async () => {
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000; true')
      // The mode that it has anyway: only the time of the change tells.
      const before = statSync('/dev/null').ctimeMs
      await output(id, 'chmod', '666', '/dev/null', '/dev/zero')
      expect(await output(id, 'sh', '-c', 'echo gone > /dev/null; head -c 3 /dev/zero | wc -c')).toMatch(/^\s*3\s*$/)
      expect(statSync('/dev/null').ctimeMs).toBe(before)
    })

    it('has the containers of a pod share /dev/shm, and hides of /proc what tells of the machine', async () => {
      const sandbox = await harness.sandbox()
      const one = await harness.shell(sandbox, 'sleep 1000; true')
      const other = await harness.shell(sandbox, 'sleep 1000; true', { name: 'other' })
      await output(one, 'sh', '-c', 'echo hello > /dev/shm/file')
      expect(await output(other, 'cat', '/dev/shm/file')).toBe('hello\n')
      const looks =
        'for (const f of ["interrupts", "timer_list", "keys"]) console.log(fs.existsSync("/proc/" + f) && fs.readFileSync("/proc/" + f).length); for (const d of ["scsi", "acpi"]) console.log(fs.existsSync("/proc/" + d) && fs.readdirSync("/proc/" + d).length)'
      expect(
        (await output(one, 'node', '-e', looks))
          .trim()
          .split('\n')
          .filter((line) => !/^(0|false)$/.test(line)),
      ).toEqual([])
    })

    it('runs as the user that the pod asks for', async () => {
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000', { runAsUser: 1000, runAsGroup: 3000 })
      expect(await output(id, 'id')).toContain('uid=1000 gid=3000')
    })

    it('keeps each container its own writable files and the image as it was', async () => {
      const sandbox = await harness.sandbox()
      const [a, b] = [await harness.shell(sandbox, 'sleep 1000'), await harness.shell(sandbox, 'sleep 1000')]
      await output(a, 'sh', '-c', 'echo changed > /etc/marker; rm /bin/vanish; echo "" > /usr/lib/wheelhouse/box.mjs')
      expect(await output(b, 'sh', '-c', 'ls /etc/marker 2>/dev/null; echo whole')).toBe('whole\n')
    })

    it('refuses writes to a read-only root and allows them on volumes', async () => {
      const mounts = [{ hostPath: harness.directory, containerPath: '/data/deep', readOnly: false }]
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000', { readOnlyRootFilesystem: true, mounts })
      expect(await output(id, 'sh', '-c', 'touch /etc/x 2>&1; touch /data/deep/written && echo ok')).toMatch(
        /Read-only file system\nok\n$/,
      )
      expect(existsSync(path.join(harness.directory, 'written'))).toBe(true)
    })

    it('writes the files of /etc that Kubernetes manages', async () => {
      const id = await harness.shell(
        await harness.sandbox({
          hostname: 'web-0',
          fullHostname: 'web-0.web.default.svc.cluster.local',
          dns: {
            servers: ['10.96.0.10'],
            searches: ['default.svc.cluster.local', 'svc.cluster.local'],
            options: ['ndots:5'],
          },
          hostAliases: [{ ip: '10.1.2.3', hostnames: ['one', 'two'] }],
        }),
        'sleep 1000',
      )
      expect(await output(id, 'cat', '/etc/resolv.conf')).toBe(
        'search default.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
      )
      const hosts = await output(id, 'cat', '/etc/hosts')
      const { ip } = (await harness.runtime.sandboxes())[0]!
      expect(hosts).toContain(`\n${ip}\tweb-0.web.default.svc.cluster.local\tweb-0\n`)
      expect(hosts).toContain('\n10.1.2.3\tone\ttwo\n')
      expect(await output(id, 'cat', '/etc/hostname')).toBe('web-0\n')
    })

    it('lets output be opened again through /dev/stdout and /proc/1/fd/1', async () => {
      const id = await harness.shell(
        await harness.sandbox(),
        "node -e \"fs.writeFileSync('/dev/stdout', 'reopened\\n')\"; sleep 1000; true",
      )
      await until(async () => (await harness.log(id)).length === 1)
      await output(id, 'node', '-e', 'fs.writeFileSync("/proc/1/fd/1", "from exec\\n")')
      await until(async () => (await harness.log(id)).length === 2)
      expect((await harness.log(id)).map((line) => line.text)).toEqual(['reopened', 'from exec'])
    })

    it('ends a container over its memory limit as OOMKilled', async () => {
      const id = await harness.shell(
        await harness.sandbox(),
        'node -e "const held = []; for (;;) held.push(Buffer.alloc(1 << 22, 1))"; exit $?',
        { resources: { memoryLimitBytes: 96 << 20 } },
      )
      await harness.exited(id)
      expect(await harness.runtime.containerStatus(id)).toMatchObject({
        state: 'exited',
        exitCode: 137,
        reason: 'OOMKilled',
      })
    })

    it('lets a container have more memory, and slows it down, without a restart', async () => {
      const { runtime } = harness
      const sandbox = await harness.sandbox({ resources: { memoryLimitBytes: 96 << 20 } })
      const id = await harness.shell(sandbox, 'sleep 60', { resources: { memoryLimitBytes: 96 << 20 } })
      const resources = { memoryLimitBytes: 400 << 20, cpuLimitMilli: 100 }
      await runtime.updateSandbox(sandbox, resources)
      await runtime.updateContainer(id, resources)
      const { exitCode } = await runtime.execSync(id, ['node', '-e', 'Buffer.alloc(150 << 20, 1)'], 25_000)
      expect(exitCode).toBe(0)
      const [stats] = (await runtime.stats()).filter(({ containerId }) => containerId === id)
      expect(stats?.details?.throttledPeriods).toBeGreaterThan(0)
    })
  })

  it('gives the containers of a pod one IPC namespace, with the settings that the pod wants', async () => {
    const name = '/proc/sys/kernel/shm_rmid_forced'
    const before = readFileSync(name, 'utf8')
    const sandbox = await harness.sandbox({ sysctls: { 'kernel.shm_rmid_forced': '1' } })
    const [first, second] = [await harness.shell(sandbox, 'sleep 60'), await harness.shell(sandbox, 'sleep 60')]
    const namespace = (id: string) => output(id, 'node', '-p', 'fs.readlinkSync("/proc/self/ns/ipc")')
    expect(await output(first, 'cat', name)).toBe('1\n')
    expect(await namespace(second)).toBe(await namespace(first))
    expect(await namespace(first)).not.toBe(`${readlinkSync('/proc/self/ns/ipc')}\n`)
    expect(readFileSync(name, 'utf8')).toBe(before)
  })

  it('tells the programs of the machine that enter a container nothing of what it wants preloaded', async () => {
    const env = [{ name: 'LD_PRELOAD', value: '/not/there.so' }]
    const id = await harness.shell(await harness.sandbox(), 'sleep 60', { env })
    const { exitCode, stderr } = await harness.runtime.execSync(id, ['true'], 10_000)
    expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: '' })
  })

  it('gives containers none of the files that this process has open, however libraries open them', async () => {
    const store = open({ path: path.join(harness.directory, 'library') })
    try {
      const id = await harness.shell(await harness.sandbox(), 'sleep 60; true')
      const links = 'fs.readdirSync("/proc/1/fd").map((fd) => fs.readlinkSync(`/proc/1/fd/${fd}`)).join()'
      expect(await output(id, 'node', '-p', links)).not.toContain('library')
    } finally {
      await store.close()
    }
  })

  it('has containers ended in the order that is asked for when the machine is short of memory', async () => {
    const id = await harness.shell(await harness.sandbox(), 'sleep 60; true', { oomScoreAdjust: 987 })
    expect(await output(id, 'cat', '/proc/1/oom_score_adj')).toBe('987\n')
  })

  it('makes a volume read-only all the way down where that is asked for', async () => {
    const volume = path.join(harness.directory, 'deep')
    mkdirSync(path.join(volume, 'with space'), { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'nosuid,nodev', 'tmpfs', path.join(volume, 'with space')])
    try {
      const mounts = [{ hostPath: volume, containerPath: '/deep', readOnly: true, recursiveReadOnly: true }]
      const id = await harness.shell(await harness.sandbox(), 'sleep 60; true', { mounts })
      const write = '(echo x > "/deep/with space/x") 2> /dev/null || echo refused'
      expect(await output(id, 'sh', '-c', write)).toBe('refused\n')
      await harness.runtime.stopContainer(id, 0)
    } finally {
      execFileSync('umount', [path.join(volume, 'with space')])
    }
  })

  it('knows no other way to run pods than its own', async () => {
    await expect(harness.sandbox({ runtimeHandler: 'vm' })).rejects.toThrow(
      'failed to get sandbox runtime: no runtime for "vm" is configured',
    )
    expect(await harness.runtime.sandboxes()).toEqual([])
  })

  describe('a pid namespace that containers share', () => {
    const commands = async (id: string) => await output(id, 'ps')

    it('shows them each other, is reaped, and loses only what belongs to a container that ends', async () => {
      const sandbox = await harness.sandbox({ sharePid: true })
      const first = await harness.shell(sandbox, '(sleep 1001 &); sleep 1002; true')
      const second = await harness.shell(sandbox, 'sleep 1003; true')
      await until(async () => /sleep 1001[^]*sleep 1003/.test(await commands(second)))
      expect(await commands(first)).toContain('sleep 1003')
      await harness.runtime.stopContainer(first, 0)
      await until(async () => !/sleep 100[12]/.test(await commands(second)))
      expect(await commands(second)).not.toMatch(/defunct|<|Z/)
      expect(await harness.runtime.containerStatus(first)).toMatchObject({ state: 'exited', exitCode: 137 })
      expect(await harness.runtime.containerStatus(second)).toMatchObject({ state: 'running' })
    })

    it('is still theirs when another agent has taken over, and ends with the pod', async () => {
      const sandbox = await harness.sandbox({ sharePid: true })
      await harness.shell(sandbox, 'sleep 1004; true')
      await harness.replaceRuntime()
      const later = await harness.shell(sandbox, 'sleep 1005; true')
      expect(await commands(later)).toContain('sleep 1004')
      await harness.runtime.stopSandbox(sandbox)
      expect(processesOf(harness.directory)).toEqual([])
    })

    it('is that of the container that a debugger targets', async () => {
      const sandbox = await harness.sandbox()
      const target = await harness.shell(sandbox, "trap 'exit 9' USR1; while true; do sleep 0.1; done")
      const other = await harness.shell(sandbox, 'sleep 1006; true')
      const debug = await harness.shell(sandbox, 'sleep 1007; true', { targetContainerId: target })
      const seen = await commands(debug)
      expect(seen).toContain('sleep 1007')
      expect(seen).toContain('exit 9')
      expect(seen).not.toContain('sleep 1006')
      expect(await commands(other)).not.toContain('sleep 1007')
      await output(debug, 'kill', '-USR1', '1')
      await harness.exited(target)
      await harness.exited(debug)
      expect(await harness.runtime.containerStatus(target)).toMatchObject({ exitCode: 9 })
    })
  })

  describe('network', { timeout: 30_000 }, () => {
    it('lets pods reach each other, themselves and the node by address', async () => {
      const { runtime, network } = harness
      const [server, client] = [await harness.sandbox({ hostname: 'server' }), await harness.sandbox()]
      await runtime.startContainer(
        await runtime.createContainer(server, harness.container({ image: 'wheelhouse/hello:v1' })),
      )
      const { ip } = (await runtime.sandboxes()).find(({ id }) => id === server)!
      const inServer = await harness.shell(server, 'sleep 1000')
      const inClient = await harness.shell(client, 'sleep 1000')
      await until(
        async () =>
          (await runtime.execSync(inClient, ['wget', '-q', '-O', '-', `http://${ip}:8000/`], 5000)).exitCode === 0,
      )
      expect(JSON.parse(await output(inClient, 'curl', '-s', `http://${ip}:8000/`))).toMatchObject({ pod: 'server' })
      expect(
        await output(inServer, 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', `http://${ip}:8000/healthz`),
      ).toBe('200')
      expect(
        await output(inServer, 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', 'http://localhost:8000/healthz'),
      ).toBe('200')
      expect(
        (await runtime.execSync(inClient, ['nc', '-z', '-w', '2', network.gateway, '1'], 5000)).stderr.toString(),
      ).toMatch(/refused/i)
    })

    it('counts what a pod has sent and received', async () => {
      const sandbox = await harness.sandbox()
      const id = await harness.shell(sandbox, 'sleep 60')
      await harness.runtime.execSync(id, ['wget', '-q', '-O', '-', `http://${harness.network.gateway}:9/`], 5000)
      const stats = (await harness.runtime.networkStats()).find(({ sandboxId }) => sandboxId === sandbox)
      expect(stats?.interfaces.map(({ name }) => name)).toEqual(['eth0'])
      expect(stats?.interfaces[0]?.sent.packets).toBeGreaterThan(0)
    })

    it('shows pods on the network of the machine whom the machine knows, and their aliases', async () => {
      const hostAliases = [{ ip: '10.9.8.7', hostnames: ['foo', 'bar'] }]
      const id = await harness.shell(await harness.sandbox({ hostNetwork: true, hostAliases }), 'sleep 60')
      const machine = readFileSync('/etc/hosts', 'utf8').trimEnd()
      expect(await output(id, 'cat', '/etc/hosts')).toBe(
        `# Kubernetes-managed hosts file (host network).\n${machine}\n\n# Entries added by HostAliases.\n10.9.8.7\tfoo\tbar\n`,
      )
    })

    it('sets what a pod wants of the kernel in its network alone', async () => {
      const name = 'net.ipv4.tcp_fin_timeout'
      const before = readFileSync('/proc/sys/net/ipv4/tcp_fin_timeout', 'utf8')
      const sandbox = await harness.sandbox({ sysctls: { [name]: '17' } })
      const id = await harness.shell(sandbox, 'sleep 60')
      expect(await output(id, 'cat', '/proc/sys/net/ipv4/tcp_fin_timeout')).toBe('17\n')
      expect(readFileSync('/proc/sys/net/ipv4/tcp_fin_timeout', 'utf8')).toBe(before)
      await expect(harness.sandbox({ sysctls: { 'kernel.hostname': 'x' } })).rejects.toThrow(
        'sysctl "kernel.hostname" cannot be set for one pod on this node',
      )
    })

    it('lets a container bind port 80', async () => {
      const { runtime } = harness
      const sandbox = await harness.sandbox()
      await harness.shell(sandbox, "echo 'answer' | nc -l -p 80")
      let socket: Duplex | undefined
      await until(async () => (socket = await runtime.dial(sandbox, 80).catch(() => undefined)) !== undefined)
      expect(await text(socket!)).toBe('answer\n')
    })

    it('forwards to what listens on the loopback of the pod only', async () => {
      const { runtime } = harness
      const sandbox = await harness.sandbox()
      await harness.shell(
        sandbox,
        "node -e \"require('net').createServer((s) => s.end('inside')).listen(9000, '127.0.0.1')\"",
      )
      await until(() =>
        runtime.dial(sandbox, 9000, { loopback: true }).then(
          async (socket) => (await text(socket)) === 'inside',
          () => false,
        ),
      )
      await expect(runtime.dial(sandbox, 9000)).rejects.toThrow(/ECONNREFUSED/)
      await expect(runtime.dial(sandbox, 9001, { loopback: true })).rejects.toThrow(/ECONNREFUSED/)
    })

    it('shares the network of the host with a pod that asks for it', async () => {
      const id = await harness.shell(await harness.sandbox({ hostNetwork: true }), 'sleep 1000')
      const { ip } = (await harness.runtime.sandboxes())[0]!
      expect(ip).toBe('')
      const network = await output(id, 'node', '-p', `require('fs').readlinkSync('/proc/self/ns/net')`)
      expect(network.trim()).toBe(readlinkSync('/proc/self/ns/net'))
    })
  })

  describe('shim', { timeout: 30_000 }, () => {
    it('goes on when the agent dies, and the next agent finds its containers, their exits and their logs', async () => {
      const sandbox = await harness.sandbox()
      const lasting = await harness.shell(sandbox, 'n=0; while true; do n=$((n+1)); echo $n; sleep 0.1; done')
      const ending = await harness.shell(sandbox, 'sleep 0.5; exit 6')
      const before = await harness.runtime.containerStatus(lasting)
      const runtime = await harness.replaceRuntime()
      expect(await runtime.sandboxes()).toMatchObject([{ id: sandbox, state: 'ready' }])
      expect(await runtime.containerStatus(lasting)).toEqual(before)
      await harness.exited(ending)
      expect(await runtime.containerStatus(ending)).toMatchObject({ exitCode: 6 })
      expect(await output(lasting, 'echo', 'still here')).toBe('still here\n')
      const count = (await harness.log(lasting)).length
      await until(async () => (await harness.log(lasting)).length > count + 2)
      const numbers = (await harness.log(lasting)).map((line) => Number(line.text))
      expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    })

    it('records an exit that no agent was there to see', async () => {
      const id = await harness.shell(await harness.sandbox(), 'sleep 0.3; exit 9')
      const record = path.join(
        harness.directory,
        'state/pods',
        (await harness.runtime.containerStatus(id))!.sandboxId,
        `${id}.run.json`,
      )
      const { runtime } = harness
      await runtime[Symbol.asyncDispose]()
      await until(() => readFileSync(record, 'utf8').includes('exited'))
      expect(await (await harness.replaceRuntime()).containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 9 })
    })

    it('ends everything when the cluster is gone, and leaves no process and no network', async () => {
      const { runtime } = harness
      const sandbox = await harness.sandbox()
      await harness.shell(sandbox, "trap '' TERM; sleep 1000 & sleep 1000")
      await runtime.startContainer(
        await runtime.createContainer(sandbox, harness.container({ image: 'wheelhouse/hello:v1' })),
      )
      expect(processesOf(harness.directory).length).toBeGreaterThan(2)
      await runtime[Symbol.asyncDispose]()
      await harness.cutLifeline()
      await until(() => processesOf(harness.directory).length === 0)
      expect(execFileSync('find', ['/sys/fs/cgroup', '-maxdepth', '4', '-name', sandbox], { encoding: 'utf8' })).toBe(
        '',
      )
      expect(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })).not.toContain(sandbox.slice(0, 12))
      const [status] = await (await harness.replaceRuntime()).sandboxes()
      expect(status).toMatchObject({ id: sandbox, state: 'notready' })
    })

    it('ends everything within seconds when the process of the cluster is killed', async () => {
      await using killed = await createHarness({
        programs,
        isolation,
        lifeline: 'process',
      })
      await killed.shell(await killed.sandbox(), "trap '' TERM; sleep 1000")
      expect(processesOf(killed.directory)).not.toEqual([])
      await killed.cutLifeline()
      await until(() => processesOf(killed.directory).length === 0)
    })

    it('takes its containers with it when it is killed, which are then reported as lost', async () => {
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000 & sleep 1000; true')
      const pids = processesOf(harness.directory)
      const shim = pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('shim.json'))!
      process.kill(shim, 'SIGKILL')
      await harness.exited(id)
      expect(await harness.runtime.containerStatus(id)).toMatchObject({
        state: 'exited',
        exitCode: 255,
        reason: 'Unknown',
      })
      expect((await harness.runtime.sandboxes())[0]).toMatchObject({ state: 'notready' })
      await until(() => processesOf(harness.directory).length === 0)
    })

    it('goes on in a new file when the log is rotated away', async () => {
      const { runtime } = harness
      const id = await harness.shell(
        await harness.sandbox(),
        'n=0; while true; do n=$((n+1)); echo $n; sleep 0.02; done',
      )
      const { logPath } = (await runtime.containerStatus(id))!
      await until(async () => (await harness.log(id)).length > 5)
      renameSync(logPath, `${logPath}.1`)
      await until(() => existsSync(logPath))
      await runtime.stopContainer(id, 0)
      const numbers = [`${logPath}.1`, logPath].flatMap((file) =>
        readFileSync(file, 'utf8')
          .trim()
          .split('\n')
          .map((line) => Number(line.split(' ')[3])),
      )
      expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    })

    it('brings out all that a command wrote, however slowly it is read', async () => {
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
      const session = await harness.runtime.exec(id, ['sh', '-c', 'head -c 3000000 /dev/zero'], {
        tty: false,
        stdin: false,
      })
      // Longer than the shim waits for output that nobody writes to any more.
      await systemClock.sleep(1500)
      let size = 0
      for await (const chunk of session.stdout) size += (chunk as Buffer).length
      expect(size).toBe(3_000_000)
      expect(await session.exit).toBe(0)
    })

    it('ends a pod that an agent had not finished making when it died', async () => {
      const sandbox = await harness.sandbox()
      rmSync(path.join(harness.directory, 'state/pods', sandbox, 'sandbox.json'))
      const runtime = await harness.replaceRuntime()
      expect(await runtime.sandboxes()).toEqual([])
      await until(() => processesOf(harness.directory).length === 0)
      expect(existsSync(path.join(harness.directory, 'state/pods', sandbox))).toBe(false)
    })

    it('ends a command when the session that runs it is dropped', async () => {
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
      const session = await harness.runtime.exec(id, ['sleep', '777'], { tty: false, stdin: false })
      await until(async () => (await output(id, 'ps')).includes('sleep 777'))
      await session[Symbol.asyncDispose]()
      let left = ''
      await until(async () => !(left = await output(id, 'ps')).includes('sleep 777'))
      expect(left).toContain('sleep 1000')
    })

    it('removes every trace of a pod', async () => {
      const { runtime, directory } = harness
      const sandbox = await harness.sandbox()
      await harness.shell(sandbox, 'sleep 1000')
      await runtime.removeSandbox(sandbox)
      expect(processesOf(directory)).toEqual([])
      expect(existsSync(path.join(directory, 'state/pods', sandbox))).toBe(false)
      expect(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })).not.toContain(sandbox.slice(0, 12))
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(sandbox)
      const groups = execFileSync('find', ['/sys/fs/cgroup', '-maxdepth', '4', '-name', sandbox], { encoding: 'utf8' })
      expect(groups).toBe('')
    })

    it('brings five pods up side by side', async () => {
      const { runtime } = harness
      const pods = await Promise.all(
        Array.from({ length: 5 }, async () => {
          const sandbox = await harness.sandbox()
          await runtime.startContainer(
            await runtime.createContainer(
              sandbox,
              harness.container({
                image: 'wheelhouse/hello:v1',
                resources: { cpuLimitMilli: 500, memoryLimitBytes: 128 << 20 },
              }),
            ),
          )
          return sandbox
        }),
      )
      const reached = await Promise.all(
        pods.map(async (pod) => {
          await until(() =>
            runtime.dial(pod, 8000).then(
              (socket) => (socket.destroy(), true),
              () => false,
            ),
          )
          return pod
        }),
      )
      expect(reached).toEqual(pods)
    })
  })
})
