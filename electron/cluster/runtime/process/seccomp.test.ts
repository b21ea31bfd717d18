import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ContainerConfig } from '../api.ts'
import { busyboxBase, busyboxFile } from './images/testing/busybox.ts'
import { buildImage } from './images/testing/image.ts'
import { startRegistry, type TestRegistry } from './images/testing/registry.ts'
import { createHarness, type Harness } from './testing/harness.ts'
import { buildPrograms, type Programs } from './testing/programs.ts'

const able = process.platform === 'linux' && process.getuid?.() === 0 && existsSync(busyboxFile)

let programs: Programs
let registry: TestRegistry
let pulledImage: string
beforeAll(async () => {
  programs = await buildPrograms()
  registry = await startRegistry()
  const config = { Entrypoint: ['sh', '-c'], Env: ['PATH=/bin'] }
  pulledImage = registry.push('team/tools', '1', await buildImage({ layers: [busyboxBase()], config }))
}, 60_000)
afterAll(async () => {
  await programs[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
})

/** The line of /proc/1/status and of one's own. */
const stateOf = (file: string) => `grep -E '^(Seccomp|NoNewPrivs)' ${file}`

describe.skipIf(!able).each([
  ['a sample image by bubblewrap', 'bubblewrap', false],
  ['a sample image by unshare', 'unshare', false],
  ['an image from a registry', 'bubblewrap', true],
] as const)('a seccomp profile for %s', { timeout: 60_000 }, (_name, isolation, isPulled) => {
  let harness: Harness
  beforeAll(async () => {
    harness = await createHarness({ programs, isolation })
    if (isPulled) await harness.runtime.images.pull(pulledImage)
  }, 60_000)
  afterAll(() => harness[Symbol.asyncDispose]())

  const start = async (script: string, changes: Partial<ContainerConfig>) =>
    harness.shell(await harness.sandbox(), script, { ...(isPulled ? { image: pulledImage } : {}), ...changes })
  const said = async (script: string, changes: Partial<ContainerConfig>) => {
    const id = await start(script, changes)
    await harness.exited(id)
    return (await harness.log(id)).map(({ text }) => text).join('\n')
  }
  const inside = async (id: string, script: string) =>
    (await harness.runtime.execSync(id, ['sh', '-c', script], 20_000)).stdout.toString()
  const file = (name: string, profile: unknown) => {
    const written = path.join(harness.directory, name)
    writeFileSync(written, typeof profile === 'string' ? profile : JSON.stringify(profile))
    return { file: written }
  }

  it('of the runtime holds for the container and for what is run in it, and for nobody who has none', async () => {
    const id = await start('sleep 1000; true', { seccomp: 'RuntimeDefault' })
    expect(await inside(id, stateOf('/proc/1/status'))).toContain('Seccomp:\t2')
    expect(await inside(id, stateOf('/proc/self/status'))).toContain('Seccomp:\t2')
    const free = await start('sleep 1000; true', {})
    expect(await inside(free, stateOf('/proc/self/status'))).toContain('Seccomp:\t0')
  })

  it('of a file forbids what it says, in the container and in what is run in it', async () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 122 }],
    }
    const seccomp = file('no-mkdir.json', profile)
    const script = 'mkdir /tmp/new 2>&1; [ -e /tmp/new ] || echo none'
    expect(await said(script, { seccomp })).toMatch(/none$/)
    const id = await start('sleep 1000; true', { seccomp })
    expect(await inside(id, script)).toMatch(/none\n$/)
    expect(await said(script, {})).not.toContain('none')
  })

  it('leaves no way to another through the environment', async () => {
    const env = [
      { name: 'PERL5OPT', value: '-d' },
      { name: 'LC_ALL', value: 'no_WHERE' },
    ]
    const id = await start('sleep 1000; true', { seccomp: 'RuntimeDefault', env })
    const { stdout, stderr } = await harness.runtime.execSync(id, ['sh', '-c', 'echo $PERL5OPT $LC_ALL'], 20_000)
    expect([stdout.toString(), stderr.toString()]).toEqual(['-d no_WHERE\n', ''])
  })

  it('that is not there, or is none, lets no container be made, and says so as upstream does', async () => {
    const missing = { file: path.join(harness.directory, 'missing.json') }
    await expect(start('true', { seccomp: missing })).rejects.toThrow(
      `failed to create containerd container: cannot load seccomp profile "${missing.file}": open ${missing.file}: no such file or directory`,
    )
    await expect(start('true', { seccomp: file('broken.json', '{}') })).rejects.toThrow(
      'decoding seccomp profile failed',
    )
  })

  it('does not concern a privileged container', async () => {
    const id = await start('sleep 1000; true', { seccomp: 'RuntimeDefault', privileged: true })
    expect(await inside(id, stateOf('/proc/self/status'))).toContain('Seccomp:\t0')
  })

  it('leaves programs that gain privileges theirs in images that may have any, unless the container may gain none', async () => {
    const changes = { seccomp: 'RuntimeDefault', ...(isPulled ? { runAsUser: 1000 } : {}) } as const
    const usual = await said(stateOf('/proc/self/status'), changes)
    expect(usual).toMatch(isPulled ? /NoNewPrivs:\t0\nSeccomp:\t2/ : /NoNewPrivs:\t1\nSeccomp:\t2/)
    const strict = await said(stateOf('/proc/self/status'), { ...changes, noNewPrivileges: true })
    expect(strict).toMatch(/NoNewPrivs:\t1\nSeccomp:\t2/)
  })

  it('costs the container no open file', async () => {
    const id = await start('sleep 1000; true', { seccomp: 'RuntimeDefault' })
    const { sandboxId } = (await harness.runtime.containerStatus(id))!
    const record = path.join(harness.directory, 'state/pods', sandboxId, `${id}.run.json`)
    const { pid } = JSON.parse(readFileSync(record, 'utf8')) as { pid: number }
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
    expect(open.filter((file) => file.endsWith('.filter'))).toEqual([])
  })
})
