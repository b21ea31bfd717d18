import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import type { LogMessage } from '#shared/ipc/terminals.ts'
import { badRequest, forbidden } from '#shared/kube/status.ts'
import { contextsOf } from '../testing/contexts.ts'
import { FakeApiServer, podsOf } from '../testing/fake-api-server.ts'
import { FakeOutlet } from '../testing/outlet.ts'
import { logStreams } from './stream.ts'

let server: FakeApiServer
let catalogue: ReturnType<typeof contextsOf>
beforeEach(async () => {
  server = await FakeApiServer.start()
  catalogue = contextsOf(server)
})
afterEach(async () => {
  for (const outlet of outlets.splice(0)) outlet.close()
  catalogue[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const outlets: FakeOutlet<LogMessage>[] = []
function open(wish: object = {}) {
  const outlet = new FakeOutlet<LogMessage>()
  outlets.push(outlet)
  const params = {
    context: catalogue.context,
    namespace: 'default',
    pod: 'web',
    container: 'app',
    previous: false,
    follow: true,
    ...wish,
  }
  const done = logStreams(catalogue.contexts, () => 10)['logs.open'](params, outlet)
  done.catch(() => {})
  const lines = () => outlet.heard.flatMap(({ lines: some = [] }) => some.map(({ text }) => text))
  const notes = () => outlet.heard.flatMap(({ note }) => (note === undefined ? [] : [note]))
  return { outlet, done, lines, notes }
}
const until = (check: () => void) => vi.waitFor(check, 5000)
const stream = async (at: number) => {
  await until(() => expect(server.logs.length).toBeGreaterThan(at))
  return server.logs[at]!
}
type State = { running: object } | { terminated: { exitCode: number } } | { waiting: { reason: string } }
const pod = (state: State, restartCount = 0, phase = 'Running', lastState: object = {}) =>
  server.store.put(podsOf('default'), {
    metadata: { name: 'web' },
    status: { phase, containerStatuses: [{ name: 'app', state, restartCount, lastState }] },
  } as KubeObject)
const running = { running: {} }
const line = (seconds: number, text: string) => `2026-01-01T00:00:0${seconds}.5Z ${text}\n`

it('reads a log once when asked for no more', async () => {
  const { done, lines } = open({ follow: false, tailLines: 10, sinceSeconds: 60 })
  const log = await stream(0)
  expect(Object.fromEntries(log.query)).toEqual({
    timestamps: 'true',
    tailLines: '10',
    sinceSeconds: '60',
    container: 'app',
  })
  log.write(line(1, 'one') + line(2, 'two'))
  log.end()
  await done
  expect(lines()).toEqual(['one', 'two'])
})

it('reads the log of the run before', async () => {
  const { done } = open({ previous: true })
  const log = await stream(0)
  expect(log.query.get('previous')).toBe('true')
  expect(log.query.has('follow')).toBe(false)
  log.end()
  await done
})

it('fails with the server’s words', async () => {
  server.fault = () => forbidden({ group: '', plural: 'pods' }, 'web', 'no')
  await expect(open().done).rejects.toMatchObject({ code: 403 })
  await expect(open({ follow: false }).done).rejects.toMatchObject({ code: 403 })
  server.fault = ({ path }) => (path.endsWith('/log') ? badRequest('container x is not valid for pod web') : undefined)
  pod(running)
  await expect(open().done).rejects.toMatchObject({ code: 400 })
})

it('batches what comes within a frame', async () => {
  pod(running)
  const { outlet, lines } = open()
  const log = await stream(0)
  for (let i = 0; i < 500; i++) log.write(line(1, `line ${i}`))
  await until(() => expect(lines()).toHaveLength(500))
  expect(outlet.heard.length).toBeLessThan(50)
})

it('reads no faster than the other side takes it', async () => {
  pod(running)
  const { outlet, lines } = open()
  const log = await stream(0)
  outlet.congested = true
  const text = Array.from({ length: 2000 }, (_, i) => line(1, `line ${i}`)).join('')
  let written = 0
  for (let i = 0; i < 40; i++) {
    log.write(text)
    written += 2000
  }
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(lines().length).toBeLessThan(written / 4)
  outlet.congested = false
  await until(() => expect(lines()).toHaveLength(written))
})

describe('following', () => {
  it('goes on over a restart of the container, and says so', async () => {
    pod(running)
    const { lines, notes } = open({ tailLines: 5 })
    const first = await stream(0)
    first.write(line(1, 'one'))
    pod(running, 1)
    first.end()
    const second = await stream(1)
    expect(second.query.has('tailLines')).toBe(false)
    expect(second.query.has('sinceTime')).toBe(false)
    second.write(line(1, 'again'))
    await until(() => expect(lines()).toEqual(['one', 'again']))
    expect(notes()).toEqual(['The container restarted (running).'])
  })

  it('takes up a stream that broke where it was, showing no line twice and none too few', async () => {
    pod(running)
    const { lines } = open()
    const first = await stream(0)
    first.write(line(1, 'a') + line(2, 'b') + line(2, 'b'))
    await until(() => expect(lines()).toHaveLength(3))
    first.cut()
    const second = await stream(1)
    expect(second.query.get('sinceTime')).toBe('2026-01-01T00:00:02.5Z')
    second.write(line(1, 'a') + line(2, 'b') + line(2, 'b') + line(2, 'b') + line(3, 'c'))
    await until(() => expect(lines()).toEqual(['a', 'b', 'b', 'b', 'c']))
  })

  it('compares times by their value: half a second is more than 450 ms', async () => {
    pod(running)
    const { lines } = open()
    const first = await stream(0)
    first.write('2026-01-01T00:00:01.5Z half\n')
    await until(() => expect(lines()).toHaveLength(1))
    first.cut()
    const second = await stream(1)
    second.write('2026-01-01T00:00:01.45Z before\n2026-01-01T00:00:01.5Z half\n2026-01-01T00:00:01.500000001Z after\n')
    await until(() => expect(lines()).toEqual(['half', 'after']))
  })

  it('waits for a container that has not started', async () => {
    pod({ waiting: { reason: 'ContainerCreating' } }, 0, 'Pending')
    const { notes, lines } = open()
    await until(() => expect(notes()).toEqual(['Waiting for the container to start: ContainerCreating.']))
    expect(server.logs).toEqual([])
    pod(running)
    ;(await stream(0)).write(line(1, 'hello'))
    await until(() => expect(lines()).toEqual(['hello']))
  })

  it('shows what a crashing container said, and waits for its next run', async () => {
    pod({ waiting: { reason: 'CrashLoopBackOff' } }, 2, 'Running', { terminated: { exitCode: 1 } })
    const { lines, notes } = open()
    const first = await stream(0)
    first.write(line(1, 'panic'))
    first.end()
    await until(() => expect(notes()).toEqual(['The container has stopped: exit code 1, CrashLoopBackOff.']))
    pod(running, 3)
    ;(await stream(1)).write(line(2, 'up again'))
    await until(() => expect(lines()).toEqual(['panic', 'up again']))
  })

  it('ends with a pod that is done', async () => {
    pod({ terminated: { exitCode: 0 } }, 0, 'Succeeded')
    const { done, lines, notes } = open()
    const log = await stream(0)
    log.write(line(1, 'result'))
    log.end()
    await done
    expect(lines()).toEqual(['result'])
    expect(notes()).toEqual(['The container has stopped: exit code 0.', 'The pod is done.'])
  })

  it('ends with a pod that is gone', async () => {
    pod(running)
    const { done, notes } = open()
    const log = await stream(0)
    server.store.remove(podsOf('default'), 'web')
    log.end()
    await done
    expect(notes()).toEqual(['The pod is gone.'])
  })

  it('outlives a server that is away', async () => {
    pod(running)
    const { lines, notes } = open()
    ;(await stream(0)).write(line(1, 'one'))
    await until(() => expect(lines()).toHaveLength(1))
    const { port } = server
    await server.close()
    await until(() => expect(notes()).toEqual(['The connection is lost; the log goes on once it is back.']))
    await server.listen(port)
    ;(await stream(1)).write(line(2, 'two'))
    await until(() => expect(lines()).toEqual(['one', 'two']))
  })

  it('does not hammer a server that ends every stream at once', async () => {
    pod(running)
    open()
    for (let i = 0; i < 5; i++) (await stream(i)).end()
    expect(server.logs.length).toBeLessThan(10)
  })
})
