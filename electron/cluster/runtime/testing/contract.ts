import { mkdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { ImagePullError } from '../api.ts'
import type { TestPods } from './pods.ts'

/** A driver with what the contract needs around it. */
export interface ContractHarness extends TestPods {
  directory: string
  /** The way to pods' addresses. */
  network: { dial(ip: string, port: number): Promise<Duplex> }
  /** A web server on port 8000, which answers `{"app":"hello","pod":<host name>,"version":"v2"}`. */
  hello: string
  /** Prints the size of its terminal as `80x24`. */
  sizeCommand: string
}

/** What every driver that runs programs promises. The harness is there when tests run; whoever made it lets it go. */
export function describeContract(driver: string, made: () => ContractHarness): void {
  describe(`runtime contract: ${driver}`, { timeout: 60_000 }, () => {
    let harness: ContractHarness
    beforeAll(() => {
      harness = made()
    })

    it('runs a container to its end and keeps its exit code, times and reason', async () => {
      const { runtime } = harness
      const sandbox = await harness.sandbox()
      const id = await harness.shell(sandbox, 'echo hello; exit 3')
      await harness.exited(id)
      await logged(harness, id, 'hello')
      const status = (await runtime.containerStatus(id))!
      expect(status).toMatchObject({
        id,
        sandboxId: sandbox,
        name: 'main',
        state: 'exited',
        exitCode: 3,
        reason: 'Error',
        image: harness.image,
      })
      expect(status.createdAt).toBeGreaterThan(0)
      expect(status.startedAt).toBeGreaterThanOrEqual(status.createdAt)
      expect(status.finishedAt).toBeGreaterThanOrEqual(status.startedAt)
      expect(await harness.log(id)).toMatchObject([{ stream: 'stdout', tag: 'F', text: 'hello' }])
    })

    it('calls an exit with code 0 Completed', async () => {
      const id = await harness.shell(await harness.sandbox(), 'true')
      await harness.exited(id)
      expect(await harness.runtime.containerStatus(id)).toMatchObject({
        state: 'exited',
        exitCode: 0,
        reason: 'Completed',
      })
    })

    it('reports a command that is not in the image as StartError and rejects the start', async () => {
      const { runtime } = harness
      const id = await runtime.createContainer(
        await harness.sandbox(),
        harness.container({ command: ['no-such-program'] }),
      )
      await expect(runtime.startContainer(id)).rejects.toThrow(/no-such-program.*executable file not found/)
      const status = await runtime.containerStatus(id)
      expect(status).toMatchObject({ state: 'exited', exitCode: 128, reason: 'StartError' })
      expect(status!.message).toContain('no-such-program')
    })

    it('stops with the stop signal and waits for the exit', async () => {
      const { runtime } = harness
      const id = await harness.shell(
        await harness.sandbox(),
        "trap 'echo caught; exit 7' TERM; echo ready; while true; do sleep 0.1; done",
      )
      await logged(harness, id, 'ready')
      await runtime.stopContainer(id, 20)
      expect(await runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 7 })
      expect((await harness.log(id)).map(({ text }) => text)).toEqual(['ready', 'caught'])
    })

    it('kills after the grace what does not listen, its children included', async () => {
      const { runtime } = harness
      const id = await harness.shell(
        await harness.sandbox(),
        "trap '' TERM; echo ready; while true; do sleep 1000; done",
      )
      await logged(harness, id, 'ready')
      await runtime.stopContainer(id, 0.2)
      expect(await runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 137, reason: 'Error' })
      // What launches containers has nothing to say in their logs.
      expect((await harness.log(id)).map(({ text }) => text)).toEqual(['ready'])
    })

    it('lets every call be repeated', async () => {
      const { runtime } = harness
      const sandbox = await harness.sandbox()
      const id = await harness.shell(sandbox, 'sleep 1000')
      await Promise.all([runtime.stopContainer(id, 0), runtime.stopContainer(id, 0)])
      await runtime.stopContainer(id, 5)
      await runtime.removeContainer(id)
      await runtime.removeContainer(id)
      await runtime.stopSandbox(sandbox)
      await runtime.stopSandbox(sandbox)
      expect((await runtime.sandboxes()).find((status) => status.id === sandbox)?.state).toBe('notready')
      await runtime.removeSandbox(sandbox)
      await runtime.removeSandbox(sandbox)
      expect((await runtime.sandboxes()).find((status) => status.id === sandbox)).toBeUndefined()
      expect(await runtime.containerStatus(id)).toBeUndefined()
    })

    it('writes logs in the CRI format: streams told apart, a last line without newline as partial, times that never run back', async () => {
      const id = await harness.shell(
        await harness.sandbox(),
        "echo out; sleep 0.1; echo err >&2; sleep 0.1; printf 'no newline'",
      )
      await harness.exited(id)
      // What is written last may reach the log after the exit is known.
      await logged(harness, id, 'no newline')
      const lines = await harness.log(id)
      expect(lines.map(({ stream, tag, text }) => `${stream} ${tag} ${text}`)).toEqual([
        'stdout F out',
        'stderr F err',
        'stdout P no newline',
      ])
      const times = lines.map(({ at }) => at)
      expect(times.every((at) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(at))).toBe(true)
      expect(times).toEqual(times.toSorted((a, b) => Date.parse(a) - Date.parse(b)))
    })

    it('cuts a line of more than 16 KiB into partial records', async () => {
      const id = await harness.shell(await harness.sandbox(), 'head -c 40000 /dev/zero | tr "\\0" x; echo')
      await harness.exited(id)
      await logged(harness, id, 'x'.repeat(7232))
      const lines = await harness.log(id)
      expect(lines.map(({ tag, text }) => [tag, text.length])).toEqual([
        ['P', 16384],
        ['P', 16384],
        ['F', 7232],
      ])
    })

    it('runs commands beside the container: output, error output, input and exit code', async () => {
      const { runtime } = harness
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
      const session = await runtime.exec(id, ['sh', '-c', 'cat; echo problem >&2; exit 5'], { tty: false, stdin: true })
      session.stdin!.end('from stdin')
      const [output, errors, code] = await Promise.all([text(session.stdout), text(session.stderr!), session.exit])
      expect({ output, errors, code }).toEqual({ output: 'from stdin', errors: 'problem\n', code: 5 })
      expect(await runtime.execSync(id, ['echo', 'quick'], 5000)).toMatchObject({
        exitCode: 0,
        stdout: Buffer.from('quick\n'),
      })
    })

    it('carries a megabyte in and out of a command unchanged', async () => {
      const { runtime } = harness
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
      const session = await runtime.exec(id, ['cat'], { tty: false, stdin: true })
      const sent = Buffer.alloc(1024 * 1024, 'wheelhouse ')
      session.stdin!.end(sent)
      const received: Buffer[] = []
      for await (const chunk of session.stdout) received.push(chunk as Buffer)
      expect(Buffer.concat(received).equals(sent)).toBe(true)
      expect(await session.exit).toBe(0)
    })

    it('kills a command that takes longer than its timeout', async () => {
      const { runtime } = harness
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
      expect(await runtime.execSync(id, ['sh', '-c', 'echo begun; sleep 1000'], 2500)).toMatchObject({
        exitCode: -1,
        timedOut: true,
      })
    })

    it('rejects a command that is not there, and any command once the container has ended', async () => {
      const { runtime } = harness
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
      await expect(
        runtime.exec(id, ['no-such-program'], { tty: false, stdin: false }).then((session) => session.exit),
      ).rejects.toThrow(/no-such-program/)
      await runtime.stopContainer(id, 0)
      await expect(runtime.exec(id, ['true'], { tty: false, stdin: false })).rejects.toThrow(/not running/)
    })

    it('gives a command a terminal that can be resized and interrupted', async () => {
      const { runtime } = harness
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000')
      const session = await runtime.exec(id, ['sh'], { tty: true, stdin: true })
      const screen = reader(session.stdout)
      await screen.until('# ')
      session.resize(123, 45)
      session.stdin!.write(`${harness.sizeCommand}\r`)
      await screen.until('123x45')
      session.stdin!.write('sleep 4321; echo never\r')
      await screen.until('echo never')
      // The line has been echoed; Ctrl-C is for the sleep that it starts.
      await started(harness, id, 'sleep 4321', 1)
      session.stdin!.write('\x03')
      await screen.until('# ')
      session.stdin!.write('echo after $?\r')
      await screen.until('after 130')
      session.stdin!.write('exit 4\r')
      expect(await session.exit).toBe(4)
      expect(session.stderr).toBeUndefined()
    })

    it('attaches to a running container and hands it its input', async () => {
      const { runtime } = harness
      const id = await harness.shell(await harness.sandbox(), 'while read line; do echo "got $line"; done; echo over', {
        stdin: true,
        stdinOnce: true,
      })
      const session = await runtime.attach(id, { tty: false, stdin: true })
      const screen = reader(session.stdout)
      session.stdin!.write('first\n')
      await screen.until('got first')
      session.stdin!.end()
      await screen.until('over')
      expect(await session.exit).toBe(0)
      await harness.exited(id)
      await logged(harness, id, 'over')
      expect((await harness.log(id)).map((line) => line.text)).toEqual(['got first', 'over'])
    })

    it('runs a shell at a terminal as the container itself', async () => {
      const { runtime } = harness
      const id = await runtime.createContainer(
        await harness.sandbox(),
        harness.container({ tty: true, stdin: true, stdinOnce: true }),
      )
      await runtime.startContainer(id)
      const session = await runtime.attach(id, { tty: true, stdin: true })
      const screen = reader(session.stdout)
      session.stdin!.write('echo $((6 * 7))\r')
      await screen.until('42')
      session.stdin!.write('exit\r')
      expect(await session.exit).toBe(0)
      await harness.exited(id)
      expect(await runtime.containerStatus(id)).toMatchObject({ exitCode: 0 })
    })

    it('passes the environment on, names that no shell could write included', async () => {
      const env = [
        { name: 'GREETING', value: 'hello world' },
        { name: 'app.setting-1', value: 'dotted' },
      ]
      const id = await harness.shell(await harness.sandbox({ hostname: 'web-0' }), 'sleep 1000', { env })
      const { stdout } = await harness.runtime.execSync(id, ['env'], 5000)
      expect(stdout.toString().split('\n')).toEqual(
        expect.arrayContaining(['GREETING=hello world', 'app.setting-1=dotted', 'HOSTNAME=web-0']),
      )
    })

    it('gives every pod port 8000 of its own', async () => {
      const { runtime } = harness
      const pods = await Promise.all(['a', 'b'].map((name) => harness.sandbox({ name, hostname: name })))
      for (const pod of pods)
        await runtime.startContainer(await runtime.createContainer(pod, harness.container({ image: harness.hello })))
      const answers = await Promise.all(pods.map((pod) => getUntilUp(() => runtime.dial(pod, 8000), '/')))
      expect(answers.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
        { app: 'hello', pod: 'a', version: 'v2' },
        { app: 'hello', pod: 'b', version: 'v2' },
      ])
      const statuses = await runtime.sandboxes()
      const addresses = pods.map((pod) => statuses.find(({ id }) => id === pod)!.ip)
      expect(new Set(addresses).size).toBe(2)
      const { body } = await getUntilUp(() => harness.network.dial(addresses[1]!, 8000), '/')
      expect(JSON.parse(body)).toMatchObject({ pod: 'b' })
      await expect(runtime.dial(pods[0]!, 8001)).rejects.toThrow(/ECONNREFUSED/)
    })

    it('tells of changes as they happen', async () => {
      const stop = new AbortController()
      const events = harness.runtime.events(stop.signal)
      const sandbox = await harness.sandbox()
      const id = await harness.shell(sandbox, 'exit 1')
      const states: string[] = []
      for await (const event of events) {
        if (event.containerId !== id) continue
        const { state } = (await harness.runtime.containerStatus(id))!
        if (states.at(-1) !== state) states.push(state)
        if (state === 'exited') stop.abort()
      }
      expect(states.at(-1)).toBe('exited')
    })

    it('says why an image cannot be had', async () => {
      const { images } = harness.runtime
      // Nothing listens there.
      const absent = '127.0.0.1:1/team/web:1'
      expect(await images.status(absent)).toBeUndefined()
      await expect(images.pull(absent)).rejects.toThrow(ImagePullError)
      expect((await images.list()).flatMap(({ tags }) => tags)).toContain(harness.hello)
    })

    it('counts what a container uses', async () => {
      const { runtime } = harness
      const id = await harness.shell(
        await harness.sandbox(),
        'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 1234; true',
      )
      await started(harness, id, 'sleep 1234', 1)
      const usage = (await runtime.stats()).find(({ containerId }) => containerId === id)!
      expect(usage.cpuNanos).toBeGreaterThan(0)
      expect(usage.memoryBytes).toBeGreaterThan(0)
    })

    it('holds a running container and its pod to other resources when told to, and says so', async () => {
      const { runtime } = harness
      const sandbox = await harness.sandbox({ resources: { memoryLimitBytes: 256 << 20 } })
      const id = await harness.shell(sandbox, 'sleep 60', { resources: { memoryLimitBytes: 128 << 20 } })
      expect((await runtime.containerStatus(id))?.resources).toEqual({ memoryLimitBytes: 128 << 20 })
      await runtime.updateSandbox(sandbox, { memoryLimitBytes: 512 << 20 })
      await runtime.updateContainer(id, { cpuLimitMilli: 300, memoryLimitBytes: 500 << 20 })
      expect(await runtime.containerStatus(id)).toMatchObject({
        state: 'running',
        resources: { cpuLimitMilli: 300, memoryLimitBytes: 500 << 20 },
      })
      const pod = (await runtime.sandboxes()).find((each) => each.id === sandbox)
      expect(pod?.resources).toEqual({ memoryLimitBytes: 512 << 20 })
      await runtime.stopContainer(id, 1)
    })

    it('counts what a container writes into its root', async () => {
      const id = await harness.shell(await harness.sandbox(), 'sleep 60')
      const before = await harness.runtime.writtenBytes(id)
      await harness.runtime.execSync(id, ['sh', '-c', 'head -c 300000 /dev/zero > /tmp/much'], 10_000)
      // Runtimes count from time to time.
      let after = before
      while (after.bytes - before.bytes < 300_000) {
        await pause()
        after = await harness.runtime.writtenBytes(id)
      }
      expect(after.files).toBeGreaterThan(before.files)
      await harness.runtime.stopContainer(id, 1)
    })

    it('shows volumes to the container', async () => {
      const { runtime } = harness
      const volume = path.join(harness.directory, 'volume')
      mkdirSync(volume, { recursive: true })
      writeFileSync(path.join(volume, 'key'), 'value')
      const mounts = [{ hostPath: volume, containerPath: '/etc/settings', readOnly: true }]
      const id = await harness.shell(await harness.sandbox(), 'sleep 1000', { mounts })
      expect((await runtime.execSync(id, ['cat', '/etc/settings/key'], 5000)).stdout.toString()).toBe('value')
    })
  })
}

const pause = () => systemClock.sleep(50)

/** Reads a stream and waits for texts in it. */
function reader(stream: Readable): { until(text: string): Promise<void> } {
  let seen = ''
  let wake = () => {}
  let ended = false
  stream.on('data', (chunk: Buffer) => {
    seen += chunk.toString()
    wake()
  })
  stream.on('end', () => {
    ended = true
    wake()
  })
  return {
    async until(text) {
      while (!seen.includes(text)) {
        if (ended) throw new Error(`the stream ended without ${JSON.stringify(text)}: ${JSON.stringify(seen)}`)
        await new Promise<void>((resolve) => (wake = resolve))
      }
      seen = seen.slice(seen.indexOf(text) + text.length)
    },
  }
}

async function logged(harness: ContractHarness, id: string, line: string): Promise<void> {
  while (!(await harness.log(id)).some(({ text }) => text === line)) await pause()
}

/** Waits until so many processes of the container have this command line. */
async function started(harness: ContractHarness, id: string, command: string, count: number): Promise<void> {
  const found = async () =>
    (await harness.runtime.execSync(id, ['ps'], 5000)).stdout
      .toString()
      .split('\n')
      .filter((line) => line.endsWith(` ${command}`)).length
  while ((await found()) < count) await pause()
}

async function getUntilUp(dial: () => Promise<Duplex>, path: string): Promise<{ status: number; body: string }> {
  for (;;) {
    try {
      const socket = await dial()
      return await new Promise((resolve, reject) => {
        const request = http.request({ path, createConnection: () => socket, headers: { host: 'pod' } }, (response) => {
          void text(response).then((body) => resolve({ status: response.statusCode!, body }))
        })
        request.on('error', reject)
        request.end()
      })
    } catch {
      await pause()
    }
  }
}
