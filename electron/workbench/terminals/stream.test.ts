import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { WebSocket } from 'ws'
import type { StreamDown, StreamUp } from '#shared/ipc/contract.ts'
import { notFound } from '#shared/kube/status.ts'
import { contextsOf } from '../testing/contexts.ts'
import { FakeApiServer, podsOf, type FakeRequest } from '../testing/fake-api-server.ts'
import { FakeOutlet } from '../testing/outlet.ts'
import { terminalStreams } from './stream.ts'

let server: FakeApiServer
let catalogue: ReturnType<typeof contextsOf>
let sockets: { socket: WebSocket; request: FakeRequest; heard: Buffer[]; closed: boolean }[]
beforeEach(async () => {
  server = await FakeApiServer.start()
  catalogue = contextsOf(server)
  sockets = []
  server.onSocket = (socket, request) => {
    const entry = { socket, request, heard: [] as Buffer[], closed: false }
    sockets.push(entry)
    socket.on('message', (data: Buffer) => entry.heard.push(data))
    socket.on('close', () => (entry.closed = true))
  }
})
afterEach(async () => {
  for (const outlet of outlets.splice(0)) outlet.close()
  catalogue[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

type Down = StreamDown<'exec.open'>
type Up = StreamUp<'exec.open'>
const outlets: FakeOutlet<Down, Up>[] = []
function open(wish: object = {}) {
  const outlet = new FakeOutlet<Down, Up>()
  outlets.push(outlet)
  const params = {
    context: catalogue.context,
    namespace: 'default',
    pod: 'web',
    container: 'app',
    command: ['sh', '-c', 'ls && x'],
    attach: false,
    columns: 80,
    rows: 24,
    ...wish,
  }
  const done = terminalStreams(catalogue.contexts)['exec.open'](params, outlet as never)
  const text = () => outlet.heard.map(({ data = '' }) => data).join('')
  const exit = () => outlet.heard.find((message) => message.exit)?.exit
  return { outlet, done, text, exit }
}
const until = (check: () => void) => vi.waitFor(check, 5000)
async function program() {
  await until(() => expect(sockets).toHaveLength(1))
  const entry = sockets[0]!
  return {
    ...entry,
    typed: () => entry.heard.filter((data) => data[0] === 0).map((data) => data.subarray(1).toString()),
    sizes: () =>
      entry.heard.filter((data) => data[0] === 4).map((data) => JSON.parse(data.subarray(1).toString()) as object),
    print: (text: string | Buffer, channel = 1) =>
      entry.socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(text)])),
    end: (status: object) => {
      entry.socket.send(Buffer.concat([Buffer.of(3), Buffer.from(JSON.stringify(status))]))
      entry.socket.close()
    },
    closed: () => entry.closed,
    said: () => entry.heard.map((data) => [...data.subarray(0, 2)]),
  }
}

describe('a terminal', () => {
  it('runs the command with a tty, shows what it prints, and passes on what is typed', async () => {
    const { outlet, text } = open()
    const { typed, print, request } = await program()
    expect(request.path).toBe('/api/v1/namespaces/default/pods/web/exec')
    expect(request.query.getAll('command')).toEqual(['sh', '-c', 'ls && x'])
    expect(Object.fromEntries(request.query)).toMatchObject({
      stdin: 'true',
      stdout: 'true',
      tty: 'true',
      container: 'app',
    })
    print('$ ')
    const letters = Buffer.from('häß')
    print(letters.subarray(0, 2))
    print(letters.subarray(2))
    await until(() => expect(text()).toBe('$ häß'))
    outlet.say({ data: 'ls\r' })
    await until(() => expect(typed()).toEqual(['ls\r']))
  })

  it('keeps what is typed before it stands, and knows the latest size', async () => {
    const { outlet } = open()
    outlet.say({ data: 'early' })
    outlet.say({ resize: { columns: 100, rows: 30 } })
    const { typed, sizes } = await program()
    await until(() => expect(typed()).toEqual(['early']))
    expect(sizes()).toEqual([{ Width: 100, Height: 30 }])
    outlet.say({ resize: { columns: 120, rows: 40 } })
    await until(() => expect(sizes().at(-1)).toEqual({ Width: 120, Height: 40 }))
  })

  it.each([
    ['0', { status: 'Success' }, { code: 0 }],
    [
      '3',
      {
        status: 'Failure',
        reason: 'NonZeroExitCode',
        message: 'command terminated with exit code 3',
        details: { causes: [{ reason: 'ExitCode', message: '3' }] },
      },
      { code: 3, message: 'command terminated with exit code 3' },
    ],
    [
      'unknown',
      { status: 'Failure', reason: 'InternalError', message: 'exec: "nope": not found' },
      { code: -1, message: 'exec: "nope": not found' },
    ],
  ])('tells the exit code: %s', async (_what, status, exit) => {
    const terminal = open()
    const { end, print } = await program()
    print('bye')
    end(status)
    await terminal.done
    expect(terminal.text()).toBe('bye')
    expect(terminal.exit()).toEqual(exit)
  })

  it('says that the connection is gone when the pod is', async () => {
    const terminal = open()
    const { socket } = await program()
    socket.terminate()
    await terminal.done
    expect(terminal.exit()).toMatchObject({
      code: -1,
      message: expect.stringContaining('the pod may be gone') as string,
    })
  })

  const runs = (container: object) =>
    server.store.put(podsOf('default'), {
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'app', ...container }] },
    } as never)

  it('attaches to what runs, without a command, as it was started', async () => {
    runs({ tty: true, stdin: true })
    open({ attach: true })
    const { request } = await program()
    expect(request.path).toBe('/api/v1/namespaces/default/pods/web/attach')
    expect(Object.fromEntries(request.query)).toEqual({ stdin: 'true', stdout: 'true', tty: 'true', container: 'app' })
  })

  it('breaks the lines of a container without a tty, which nobody else does', async () => {
    runs({})
    const { text } = open({ attach: true })
    const { request, print } = await program()
    expect(Object.fromEntries(request.query)).toEqual({ stdout: 'true', stderr: 'true', container: 'app' })
    print('one\ntwo\r\n')
    await until(() => expect(text()).toBe('one\r\ntwo\r\n'))
  })

  it('fails with the server’s words where there is no such pod', async () => {
    server.fault = () => notFound({ group: '', plural: 'pods' }, 'web')
    await expect(open().done).rejects.toMatchObject({ code: 404, message: 'pods "web" not found' })
  })

  it('ends stdin and closes when the person leaves', async () => {
    const { outlet, done } = open()
    const { closed, said } = await program()
    await until(() => expect(said()).toHaveLength(1))
    outlet.close()
    await done
    await until(() => expect(closed()).toBe(true))
    expect(said().at(-1)).toEqual([255, 0])
  })

  it('is given up when the person leaves before it stands', async () => {
    server.fault = () => 'silence'
    const { outlet, done } = open()
    await until(() => expect(server.requests).toHaveLength(1))
    outlet.close()
    await expect(done).rejects.toMatchObject({ reason: 'Cancelled' })
  })

  it('holds back a program that prints faster than the other side takes it', async () => {
    const { outlet, text } = open()
    const { socket, print } = await program()
    outlet.congested = true
    print('x')
    await until(() => expect(text()).toContain('x'))
    const block = 'y'.repeat(1024 * 1024)
    const shown = () => outlet.heard.reduce((sum, { data = '' }) => sum + data.length, 0)
    for (let i = 0; i < 24; i++) print(block)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(socket.bufferedAmount).toBeGreaterThan(8 * 1024 * 1024)
    expect(shown()).toBeLessThan(12 * 1024 * 1024)
    outlet.congested = false
    await until(() => expect(shown()).toBe(24 * 1024 * 1024 + 1))
  })
})
