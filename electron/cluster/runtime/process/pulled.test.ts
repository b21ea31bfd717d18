import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import type { ContainerConfig } from '../api.ts'
import { busyboxBase, busyboxFile } from './images/testing/busybox.ts'
import { buildImage } from './images/testing/image.ts'
import { startRegistry, type TestRegistry } from './images/testing/registry.ts'
import { openPulled } from './pulled.ts'
import { createHarness, type Harness } from './testing/harness.ts'
import { buildPrograms, type Programs } from './testing/programs.ts'

const able = process.platform === 'linux' && process.getuid?.() === 0 && existsSync(busyboxFile)

let programs: Programs
let registry: TestRegistry
let image: string

beforeAll(async () => {
  programs = await buildPrograms()
  registry = await startRegistry()
  const built = await buildImage({
    layers: [
      [
        ...busyboxBase(),
        { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\nweb:x:101:102:web:/srv/web:/bin/sh\n' },
        { name: 'etc/group', content: 'root:x:0:\nweb:x:102:\nextra:x:103:web\n' },
        { name: 'gone', content: 'x' },
        { name: 'run', type: 'directory' },
        { name: 'var/run', type: 'symlink', linkname: '../run' },
        { name: 'outside', type: 'symlink', linkname: '/etc' },
        { name: 'above', type: 'symlink', linkname: '../../etc' },
        { name: 'latest', type: 'symlink', linkname: 'srv/web' },
        { name: 'replaced/old', content: 'x' },
        { name: 'kept/old', content: 'x' },
        { name: 'data/first', content: 'from the image\n' },
      ],
      [
        { name: '.wh.gone' },
        { name: 'replaced/.wh..wh..opq' },
        { name: 'replaced/new', content: 'new\n' },
        { name: 'kept/.wh.old' },
        { name: 'srv/web', type: 'directory', uid: 101, gid: 102, mode: 0o750 },
        { name: 'srv/web/page', content: 'hello\n', uid: 101, gid: 102 },
      ],
    ],
    config: {
      Entrypoint: ['sh', '-c'],
      Cmd: ['id'],
      Env: ['PATH=/bin', 'FROM=image'],
      User: 'web',
      WorkingDir: '/srv/web/new',
      Volumes: { '/data': {} },
      StopSignal: 'SIGUSR1',
    },
  })
  image = registry.push('team/web', '1', built)
})

afterAll(async () => {
  await programs[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
})

interface Given {
  harness(): Harness
  start(script: string, changes?: Partial<ContainerConfig>): Promise<{ id: string; sandbox: string }>
  /** What a script says, one line an item. */
  said(script: string, changes?: Partial<ContainerConfig>): Promise<string[]>
}

/** A runtime for the tests of a block, that has the image. */
function given(stacking: 'overlay' | 'copy'): Given {
  let harness: Harness
  beforeAll(async () => {
    harness = await createHarness({ programs, stacking })
    await harness.runtime.images.pull(image)
  })
  afterAll(() => harness[Symbol.asyncDispose]())
  const start: Given['start'] = async (script, changes = {}) => {
    const sandbox = await harness.sandbox()
    const config = harness.container({ image, args: [script], ...changes })
    const id = await harness.runtime.createContainer(sandbox, config)
    await harness.runtime.startContainer(id)
    return { id, sandbox }
  }
  return {
    harness: () => harness,
    start,
    async said(script, changes) {
      const { id } = await start(script, changes)
      await harness.exited(id)
      return (await harness.log(id)).map((line) => line.text)
    },
  }
}

describe.skipIf(!able).each(['overlay', 'copy'] as const)('an image from a registry, its layers by %s', (stacking) => {
  const { harness, start, said } = given(stacking)
  const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8')
  /** Without what pods share as /dev/shm. */
  const otherMounts = () =>
    mounts()
      .split('\n')
      .filter((line) => !line.includes('.memory '))
      .join('\n')

  it('runs as its user, in its directory, with its environment, over all of its layers', async () => {
    const script = 'id; pwd; echo $HOME $FROM; cat /srv/web/page; ls /gone 2>&1; cat /data/first'
    expect(await said(script)).toEqual([
      'uid=101(web) gid=102(web) groups=102(web),103(extra)',
      '/srv/web/new',
      '/srv/web image',
      'hello',
      'ls: /gone: No such file or directory',
      'from the image',
    ])
  })

  it('shares /dev/shm with the other containers of its pod, 64 MiB, and nothing of it is left', async () => {
    const sandbox = await harness().sandbox()
    const log = async (script: string) => {
      const id = await harness().shell(sandbox, script, { image, runAsUser: 0 })
      await harness().exited(id)
      return (await harness().log(id)).map(({ text: line }) => line).join('\n')
    }
    expect(await log('echo hello > /dev/shm/file; busybox df -k /dev/shm')).toMatch(/ 65536 /)
    expect(await log('cat /dev/shm/file')).toBe('hello')
    const other = await start('ls /dev/shm')
    await harness().exited(other.id)
    expect(await harness().log(other.id)).toEqual([])
    const memory = `${sandbox.slice(0, 16)}.memory`
    expect(mounts()).toContain(memory)
    await harness().runtime.stopSandbox(sandbox)
    expect(mounts()).not.toContain(memory)
    expect(readdirSync(path.join(harness().directory, 'run'))).not.toContain(memory)
  })

  it('sees of /proc and /sys what upstream shows', async () => {
    const script =
      'ls /sys/firmware /proc/scsi /proc/acpi 2> /dev/null; cat /proc/interrupts /proc/keys /proc/timer_list 2> /dev/null; echo end'
    const silent = (await said(script, { runAsUser: 0 })).filter((line) => line && !/^\/(sys|proc)\S*:$/.test(line))
    expect(silent).toEqual(['end'])
    const shown = await said('cat /proc/interrupts; echo > /proc/sys/kernel/domainname', {
      runAsUser: 0,
      unmaskedProc: true,
    })
    expect(shown.join()).toContain('CPU0')
    expect(shown.join()).toMatch(/domainname: Read-only/)
  })

  it('gives its user the groups of the image, unless only those of the pod are wanted, and tells whom it runs as', async () => {
    const groups = async (changes: Partial<ContainerConfig>) => {
      const { id } = await start('id -G', { supplementalGroups: [600], ...changes })
      await harness().exited(id)
      const { user } = (await harness().runtime.containerStatus(id))!
      return [(await harness().log(id))[0]?.text, user]
    }
    const whom = (...supplementalGroups: number[]) => ({ uid: 101, gid: 102, supplementalGroups })
    expect(await groups({})).toEqual(['102 103 600', whom(102, 103, 600)])
    expect(await groups({ supplementalGroupsPolicy: 'Strict' })).toEqual(['102 600', whom(102, 600)])
  })

  it('lets root change owners and become others, as images do when they start', async () => {
    const script = 'touch /tmp/f; chown 101:102 /tmp/f; stat -c %u:%g /tmp/f; su web -c "id -u; cat page" -s /bin/sh'
    expect(await said(`cd /srv/web; ${script}`, { runAsUser: 0 })).toEqual(['101:102', '101', 'hello'])
  })

  it('mounts where the links of the image lead, and never outside', async () => {
    const file = path.join(harness().directory, 'secret')
    writeFileSync(file, 'kept\n')
    const folder = path.join(harness().directory, 'folder')
    mkdirSync(folder, { recursive: true })
    const places = [
      { hostPath: file, containerPath: '/var/run/secrets/token', readOnly: true },
      { hostPath: folder, containerPath: '/outside/wheelhouse-folder', readOnly: false },
    ]
    const script = 'cat /run/secrets/token; ls -d /etc/wheelhouse-folder; ls -ld /var/run | grep -c ^l'
    expect(await said(script, { mounts: places })).toEqual(['kept', '/etc/wheelhouse-folder', '1'])
    expect(existsSync('/etc/wheelhouse-folder')).toBe(false)
  })

  it('sees the processes of the pod where these are shared, and of the container that it is to debug', async () => {
    const { runtime } = harness()
    const run = async (sandbox: string, script: string, changes: Partial<ContainerConfig> = {}) => {
      const id = await runtime.createContainer(sandbox, harness().container({ image, args: [script], ...changes }))
      await runtime.startContainer(id)
      return id
    }
    const seen = async (id: string) => (await runtime.execSync(id, ['ps', '-o', 'args'], 20_000)).stdout.toString()
    const shared = await harness().sandbox({ sharePid: true })
    // Numbers of processes that the machine does not have are used from then on.
    await run(shared, 'i=0; while [ $i -lt 5000 ]; do (:); i=$((i + 1)); done; sleep 2001; true')
    const second = await run(shared, 'sleep 2002; true', { runAsUser: 0 })
    while (!/sleep 2001/.test(await seen(second))) await systemClock.sleep(50)
    expect(await seen(second)).toMatch(/sleep 2001[^]*sleep 2002/)
    const sample = await harness().shell(shared, 'sleep 2005; true')
    expect(await seen(second)).toContain('sleep 2005')
    expect((await runtime.execSync(sample, ['ps'], 20_000)).stdout.toString()).toContain('sleep 2001')
    const { id: target, sandbox } = await start('sleep 2003; true')
    const debug = await run(sandbox, 'sleep 2004; true', { targetContainerId: target })
    expect(await seen(debug)).toMatch(/sleep 2003[^]*sleep 2004/)
    expect((await runtime.execSync(debug, ['ls', '/proc/1/root/srv/web'], 20_000)).stdout.toString()).toContain('page')
    await runtime.stopContainer(target, 0)
    await harness().exited(debug)
  })

  it('shows the files of other images, or a part of them, which nobody can write to', async () => {
    const { runtime } = harness()
    const [own, sample] = await Promise.all([runtime.images.status(image), runtime.images.status('wheelhouse/shell')])
    const volume = (id: string, containerPath: string, subPath?: string) => ({
      hostPath: '',
      containerPath,
      readOnly: true,
      image: { id, ...(subPath ? { subPath } : {}) },
    })
    const mounts = [
      volume(own!.id, '/all'),
      volume(own!.id, '/page', 'srv/web/page'),
      volume(own!.id, '/first', 'data'),
      volume(sample!.id, '/sample'),
    ]
    const script =
      'cat /all/srv/web/page /page /first/first; ls -d /all/gone 2>&1; ls -d /sample/usr/bin/sh; for f in /all/x /page /first/x /sample/x; do (echo > $f) 2> /dev/null || echo refused; done'
    expect(await said(script, { mounts, runAsUser: 0 })).toEqual([
      'hello',
      'hello',
      'from the image',
      'ls: /all/gone: No such file or directory',
      '/sample/usr/bin/sh',
      ...Array<string>(4).fill('refused'),
    ])
    const part = (subPath: string) => ({ mounts: [volume(own!.id, '/x', subPath)] })
    // The link is in the lower layer, what it leads to in the upper one.
    expect(await said('cat /x', part('latest/page'))).toEqual(['hello'])
    expect(await said('ls /x', part('replaced'))).toEqual(['new'])
    for (const gone of ['gone', 'replaced/old', 'kept/old', 'srv/web/page/x', 'none/at/all', 'outside/passwd', 'above'])
      await expect(start('true', part(gone))).rejects.toThrow(`failed to mount /x: the image has no ${gone}, or only`)
    // Sample images too.
    const sandbox = await harness().sandbox()
    const id = await harness().shell(sandbox, 'cat /all/data/first', { mounts: mounts.slice(0, 1) })
    await harness().exited(id)
    expect((await harness().log(id)).map((line) => line.text)).toEqual(['from the image'])
  })

  it('lets mounts through where that is asked for, and nowhere else', async () => {
    const place = path.join(harness().directory, 'passing')
    mkdirSync(path.join(place, 'made'), { recursive: true })
    for (const args of [
      ['--bind', place, place],
      ['--make-shared', place],
    ])
      execFileSync('mount', args)
    try {
      const ours = () =>
        otherMounts()
          .split('\n')
          .filter((line) => line.includes(harness().directory))
      const before = ours()
      const volume = (containerPath: string, propagation?: 'HostToContainer' | 'Bidirectional') => ({
        hostPath: place,
        containerPath,
        readOnly: false,
        ...(propagation ? { propagation } : {}),
      })
      const { id: seeing } = await start('sleep 1000; true', {
        mounts: [volume('/seen', 'HostToContainer'), volume('/kept')],
        runAsUser: 0,
      })
      const { id: giving } = await start('sleep 1000; true', {
        mounts: [volume('/given', 'Bidirectional')],
        privileged: true,
        runAsUser: 0,
      })
      // The container's own mounts stay where they are.
      expect(ours()).toEqual(before)
      const inside = async (id: string, script: string) =>
        (await harness().runtime.execSync(id, ['sh', '-c', script], 20_000)).stdout.toString()
      expect(await inside(giving, 'mount -t tmpfs tmpfs /given/made && echo x > /given/made/file && echo made')).toBe(
        'made\n',
      )
      expect(readFileSync(path.join(place, 'made/file'), 'utf8')).toBe('x\n')
      expect(await inside(seeing, 'cat /seen/made/file; ls /kept/made')).toBe('x\n')
      await harness().runtime.stopContainer(giving, 0)
      // It is the machine's now.
      expect(readFileSync(path.join(place, 'made/file'), 'utf8')).toBe('x\n')
      await harness().runtime.stopContainer(seeing, 0)
    } finally {
      execFileSync('umount', ['-R', place])
    }
  })

  it('counts as written what it has written, and not its image', async () => {
    const { id } = await start('echo much > /tmp/file; sleep 100')
    await harness().runtime.execSync(id, ['ls', '/tmp/file'], 20_000)
    const { bytes, files } = await harness().runtime.writtenBytes(id)
    expect(bytes).toBeLessThan(statSync(busyboxFile).size)
    expect(files).toBeGreaterThan(0)
  })

  it('is read-only but for its volumes where that is asked for', async () => {
    const script = 'echo a 2> /dev/null > /root-file; echo $?; echo b > /data/second && cat /data/*'
    const root = { readOnlyRootFilesystem: true, runAsUser: 0, workingDir: '/' }
    expect(await said(script, root)).toEqual(['1', 'from the image', 'b'])
  })

  it('is kept while a container has it, and leaves no mount and no file behind when that goes', async () => {
    const { id, sandbox } = await start('sleep 100')
    await expect(harness().runtime.images.remove(image)).rejects.toThrow(/in use/)
    expect(otherMounts()).not.toContain(harness().directory)
    await harness().runtime.removeSandbox(sandbox)
    expect(otherMounts()).not.toContain(harness().directory)
    expect(existsSync(path.join(harness().directory, 'state/pods', sandbox))).toBe(false)
    expect(await harness().runtime.containerStatus(id)).toBeUndefined()
  })

  it('goes on under the next agent', async () => {
    const { id } = await start('sleep 100')
    await harness().replaceRuntime()
    const { stdout } = await harness().runtime.execSync(id, ['cat', '/srv/web/page'], 20_000)
    expect(stdout.toString()).toBe('hello\n')
  })
})

describe.skipIf(!able)('a container of an image from a registry', () => {
  const { harness, start, said } = given('overlay')

  it('is whoever the pod says instead', async () => {
    const config = { runAsUser: 7, runAsGroup: 8, supplementalGroups: [9] }
    expect(await said('id', config)).toEqual(['uid=7 gid=8 groups=8,9'])
    // A number that the image knows has its group there.
    expect(await said('id -g', { runAsUser: 101 })).toEqual(['102'])
    expect(await said('id -u', { runAsUser: 0 })).toEqual(['0'])
  })

  it('says which user it does not know', async () => {
    const unknown = await buildImage({ layers: [busyboxBase()], config: { User: 'nobody-here', Cmd: ['/bin/id'] } })
    const name = registry.push('unknown-user', '1', unknown)
    await harness().runtime.images.pull(name)
    const sandbox = await harness().sandbox()
    const { args: _, ...config } = harness().container({ image: name })
    const id = await harness().runtime.createContainer(sandbox, config)
    await expect(harness().runtime.startContainer(id)).rejects.toThrow(/unable to find user nobody-here/)
  })

  it('keeps root of a container from the machine', async () => {
    const before = statSync('/dev/null')
    const attempts = [
      'mount -t tmpfs x /mnt',
      'umount /proc/sys',
      'echo 1 > /proc/sys/kernel/panic',
      'mknod /tmp/disk b 254 0',
      'echo b > /proc/sysrq-trigger',
      'echo 1 > /sys/kernel/mm/ksm/run',
    ]
    const script = ['mkdir -p /mnt', ...attempts.map((one) => `(${one}) 2> /dev/null && echo "${one}"`)].join('\n')
    const rest = 'chmod 600 /dev/null; chown 5 /dev/null; chmod 777 /proc/keys 2> /tmp/x; grep CapEff /proc/self/status'
    expect(await said(`${script}\n${rest}`, { runAsUser: 0 })).toEqual(['CapEff:\t00000000a80425fb'])
    const after = statSync('/dev/null')
    expect([after.mode, after.uid]).toEqual([before.mode, before.uid])
  })

  it('takes capabilities away and gives them as it is told', async () => {
    const capabilities = { add: ['NET_ADMIN'], drop: ['ALL'] }
    const script = 'grep -E "CapEff|NoNewPrivs" /proc/self/status'
    expect(await said(script, { runAsUser: 0, capabilities, noNewPrivileges: true })).toEqual([
      'CapEff:\t0000000000001000',
      'NoNewPrivs:\t1',
    ])
  })

  it('writes through /dev/stdout as its own user', async () => {
    const script = 'echo one > /dev/stdout; echo two > /dev/stderr; echo three > /proc/1/fd/1'
    expect((await said(script)).toSorted()).toEqual(['one', 'three', 'two'])
  })

  it('takes commands in, as its user and with its files, but nothing of the environment into the launchers', async () => {
    const env = [
      { name: 'LD_PRELOAD', value: '/not/there.so' },
      { name: 'odd-name', value: 'odd' },
    ]
    const { id } = await start('sleep 100', { env })
    const { exitCode, stdout } = await harness().runtime.execSync(
      id,
      ['sh', '-c', 'id -u; pwd; echo $FROM; exit 3'],
      20_000,
    )
    expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 3, stdout: '101\n/srv/web/new\nimage\n' })
    const { stdout: variables } = await harness().runtime.execSync(id, ['env'], 20_000)
    expect(variables.toString().split('\n')).toEqual(
      expect.arrayContaining(['LD_PRELOAD=/not/there.so', 'odd-name=odd', 'FROM=image']),
    )
    await expect(harness().runtime.execSync(id, ['missing'], 20_000)).rejects.toThrow(/executable file not found/)
  })

  it('has a terminal whose Ctrl-C reaches the program alone', async () => {
    const { id } = await start('sleep 100')
    const session = await harness().runtime.exec(id, ['sh', '-c', 'echo ready; sleep 50; echo never'], {
      tty: true,
      stdin: true,
    })
    const output = text(session.stdout)
    await new Promise<void>((resolve) => session.stdout.once('data', () => resolve()))
    session.stdin!.write('\x03')
    const code = await session.exit
    expect(code).not.toBe(0)
    expect(await output).toBe('ready\r\n^C')
  })

  it('is stopped by the signal of its image', async () => {
    const { id } = await start('trap "echo stopped; exit 7" USR1; echo ready; while :; do sleep 0.1; done')
    await harness().runtime.stopContainer(id, 20)
    expect((await harness().runtime.containerStatus(id))?.exitCode).toBe(7)
  })

  it('does not start what cannot be executed', async () => {
    await expect(start('', { command: ['/etc/passwd'] })).rejects.toThrow('"/etc/passwd": executable file not found')
  })

  it('says what it could not find to run', async () => {
    const sandbox = await harness().sandbox()
    const id = await harness().runtime.createContainer(
      sandbox,
      harness().container({ image, command: ['/no/program'] }),
    )
    await expect(harness().runtime.startContainer(id)).rejects.toThrow(/"\/no\/program"/)
    expect(await harness().runtime.containerStatus(id)).toMatchObject({
      state: 'exited',
      exitCode: 128,
      reason: 'StartError',
    })
  })

  it('finds its limits where programs look for them, and cannot change them', async () => {
    const script = `
      cd /sys/fs/cgroup
      for file in memory.max memory/memory.limit_in_bytes; do
        [ -e $file ] || continue
        echo 1 > $file
        cat $file
      done`
    const lines = await said(script, { resources: { memoryLimitBytes: 96 << 20 }, runAsUser: 0 })
    expect(lines.toSorted()).toEqual([String(96 << 20), expect.stringMatching(/Read-only file system/)])
  })

  it('is named by what was asked for and by its digest', async () => {
    const { id } = await start('true')
    expect(await harness().runtime.containerStatus(id)).toMatchObject({
      image,
      imageRef: expect.stringContaining('@sha256:'),
    })
  })
})

describe('where images from registries cannot be run', () => {
  const options = {
    clock: systemClock,
    logger: silentLogger,
    directory: '/nonexistent/images',
    scratch: '/nonexistent/scratch',
    nodeBinary: process.execPath,
    unpackEntry: '',
  }

  it.skipIf(!able).each([
    ['none', 'bridge', /^images from registries need Linux namespaces, which this machine does not allow: allow them$/],
    ['unshare', 'mapped', /^images from registries need a network for each pod: install iproute2 and nftables$/],
  ] as const)('the isolation %s and the network %s are told with a cure', async (isolation, network, why) => {
    await using opened = await openPulled({ ...options, isolation, network })
    expect('why' in opened && opened.why).toMatch(why)
  })
})
