// @vitest-environment node
import { expect, it, vi } from 'vitest'
import type { Frame, FramePort } from '#shared/ipc/channel.ts'
import { createChannel } from './channel.ts'
import { ChannelFailure } from './errors.ts'

interface OpenPort {
  sent: Frame[]
  say(frame: Frame): void
  end(): void
}

/** A way to connect that the test holds both ends of. */
function wires() {
  const ports: OpenPort[] = []
  let refuse = false
  const connect = async (): Promise<FramePort> => {
    await Promise.resolve()
    if (refuse) throw new Error('nobody there')
    const frames: ((frame: Frame) => void)[] = []
    const closes: (() => void)[] = []
    const sent: Frame[] = []
    ports.push({ sent, say: (frame) => frames.forEach((f) => f(frame)), end: () => closes.forEach((f) => f()) })
    return {
      send: (frame) => void sent.push(frame),
      onFrame: (f) => void frames.push(f),
      onClose: (f) => void closes.push(f),
      close: () => undefined,
    }
  }
  return { ports, connect, refuse: (yes: boolean) => void (refuse = yes) }
}
const settled = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}
const open = async () => {
  const line = wires()
  const channel = createChannel({ connect: line.connect, now: () => 1234, delay: () => 0 })
  await settled()
  return { ...line, channel, port: line.ports[0]! }
}
const reopened = (ports: readonly OpenPort[]) => vi.waitFor(() => expect(ports).toHaveLength(2), { timeout: 20_000 })

it('sends what was asked before the link was there, once it is', async () => {
  const line = wires()
  const channel = createChannel({ connect: line.connect })
  const answer = channel.request('settings.get', {})
  await settled()
  expect(line.ports[0]!.sent).toEqual([{ t: 'request', id: 1, method: 'settings.get', params: {} }])
  line.ports[0]!.say({ t: 'result', id: 1, value: { theme: 'dark' } })
  await expect(answer).resolves.toEqual({ theme: 'dark' })
})

it('hands on what the server blames and the cure', async () => {
  const { channel, port } = await open()
  const answer = channel.request('builtin.start', {})
  port.say({
    t: 'error',
    id: 1,
    error: { code: 409, reason: 'Conflict', message: 'no', cure: 'try', causes: [{ field: 'spec', message: 'bad' }] },
  })
  const failure = await answer.catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ChannelFailure)
  expect(failure).toMatchObject({ code: 409, message: 'no', cure: 'try', causes: [{ field: 'spec', message: 'bad' }] })
})

it('fails open requests with a cure when the workbench goes away, and says since when', async () => {
  const { channel, port, refuse } = await open()
  const answer = channel.request('samples.list', {})
  refuse(true)
  port.end()
  await expect(answer).rejects.toMatchObject({ reason: 'Unreachable', cure: expect.any(String) })
  expect(channel.link.value).toEqual({ state: 'away', since: 1234 })
  await expect(channel.request('samples.list', {})).rejects.toMatchObject({ code: 0 })
})

it('opens watches anew after a lost link, with the parameters of then', async () => {
  const { channel, port, ports } = await open()
  let name = 'before'
  const heard: unknown[] = []
  channel.open('object.watch', () => ({ name }) as never, { message: (value) => heard.push(value) })
  expect(port.sent.at(-1)).toMatchObject({ t: 'open', params: { name: 'before' } })
  name = 'after'
  port.end()
  await reopened(ports)
  await settled()
  expect(ports[1]!.sent).toMatchObject([{ t: 'open', method: 'object.watch', params: { name: 'after' } }])
  ports[1]!.say({ t: 'message', id: (ports[1]!.sent[0] as { id: number }).id, value: { object: 1 } })
  expect(heard).toEqual([{ object: 1 }])
  expect(channel.link.value).toEqual({ state: 'open' })
})

it('never starts a shell over by itself: it ends when the workbench goes away', async () => {
  const { channel, port, ports } = await open()
  const closed = vi.fn()
  channel.openOnce('exec.open', {} as never, { message: () => undefined, close: closed })
  port.end()
  expect(closed).toHaveBeenCalledWith(expect.objectContaining({ reason: 'Unreachable' }))
  await reopened(ports)
  await settled()
  expect(ports[1]!.sent).toEqual([])
})

it('tells the workbench that an answer is no longer wanted', async () => {
  const { channel, port } = await open()
  const abort = new AbortController()
  const answer = channel.request('samples.list', {}, abort.signal)
  abort.abort()
  await expect(answer).rejects.toMatchObject({ reason: 'Cancelled' })
  expect(port.sent.at(-1)).toEqual({ t: 'cancel', id: 1 })
})

it('hears nothing of a stream that it closed, and everything of one that the other side ends', async () => {
  const { channel, port } = await open()
  const message = vi.fn()
  const close = vi.fn()
  const first = channel.open('builtin.watch', () => ({}), { message, close })
  first.close()
  port.say({ t: 'message', id: 1, value: {} as never })
  expect(message).not.toHaveBeenCalled()
  channel.open('builtin.watch', () => ({}), { message, close })
  port.say({ t: 'close', id: 2, error: { code: 403, reason: 'Forbidden', message: 'no' } })
  expect(close).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 403 }))
})
