import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeContract } from '../testing/contract.ts'
import { createHarness, type Harness } from './testing/harness.ts'
import { buildPrograms, type Programs } from './testing/programs.ts'

let programs: Programs
beforeAll(async () => {
  programs = await buildPrograms()
}, 60_000)
afterAll(() => programs[Symbol.asyncDispose]())

const sizeCommand = `node -p "process.stdout.columns + 'x' + process.stdout.rows"`

describe.each([
  { driver: 'process, by bubblewrap', isolation: 'bubblewrap' },
  { driver: 'process, by unshare', isolation: 'unshare' },
  { driver: 'process, not isolated', isolation: 'none' },
] as const)('$driver', { timeout: 30_000 }, ({ driver, isolation }) => {
  let harness: Harness
  beforeAll(async () => {
    harness = await createHarness({ programs, isolation })
  }, 30_000)
  afterAll(() => harness[Symbol.asyncDispose](), 30_000)

  describeContract(driver, () => Object.assign(harness, { hello: 'wheelhouse/hello:v2', sizeCommand }))

  it('never runs a program of the host under the name of an image', async () => {
    const { runtime } = harness
    const id = await runtime.createContainer(
      await harness.sandbox(),
      harness.container({ command: ['/usr/bin/perl', '-e', '1'] }),
    )
    await expect(runtime.startContainer(id)).rejects.toThrow(/perl/)
  })

  it('ends a plain sleep on SIGTERM', async () => {
    const { runtime } = harness
    const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
    await runtime.stopContainer(id, 20)
    expect(await runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 143 })
  })

  it('keeps what a command has said that is killed at its timeout', async () => {
    const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
    expect(await harness.runtime.execSync(id, ['sh', '-c', 'echo begun; sleep 1000'], 2500)).toMatchObject({
      timedOut: true,
      stdout: Buffer.from('begun\n'),
    })
  })

  it('tells of an image that is not there what would help', async () => {
    const { images } = harness.runtime
    // Nothing listens there.
    await expect(images.pull('127.0.0.1:1/team/web:1')).rejects.toThrow(
      isolation === 'none'
        ? /is not among the built-in sample images .*; images from registries need Linux namespaces.*: allow them$/
        : /failed to resolve reference "127.0.0.1:1\/team\/web:1"/,
    )
    // Its name is somebody else's at Docker Hub.
    await expect(images.pull('wheelhouse/hello:none')).rejects.toThrow(/is not among the built-in sample images/)
    const status = await images.status('docker.io/wheelhouse/hello:v1')
    expect(status).toMatchObject({ tags: ['wheelhouse/hello:v1'] })
    expect((await images.list()).flatMap(({ tags }) => tags)).toEqual(
      expect.arrayContaining(['wheelhouse/hello:broken', 'wheelhouse/shell:latest']),
    )
  })
})
