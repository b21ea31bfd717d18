import { EventEmitter } from 'node:events'
import { afterEach, expect, it, vi } from 'vitest'
import type { WebSocket } from 'ws'
import { webSocketPort } from './websocket-port.ts'

class FakeSocket extends EventEmitter {
  readonly OPEN = 1
  readyState = 1
  bufferedAmount = 0
  sent: string[] = []
  pings = 0
  terminated = false
  closed: number | undefined
  send(text: string): void {
    this.sent.push(text)
  }
  ping(): void {
    this.pings++
  }
  terminate(): void {
    this.terminated = true
    this.emit('close')
  }
  close(code: number): void {
    this.closed = code
  }
}

function open() {
  const socket = new FakeSocket()
  return { socket, port: webSocketPort(socket as unknown as WebSocket) }
}
afterEach(() => void vi.useRealTimers())

it('tells how much the other side has not taken, and gives it up before that fills the memory', () => {
  const { socket, port } = open()
  socket.bufferedAmount = 5_000_000
  expect(port.backlog!()).toBe(5_000_000)
  port.send({ t: 'result', id: 1, value: 'x' })
  expect(socket.sent).toEqual(['{"t":"result","id":1,"value":"x"}'])
  socket.bufferedAmount = 100_000_000
  port.send({ t: 'result', id: 1, value: 'x' })
  expect(socket.terminated).toBe(true)
  expect(socket.sent).toHaveLength(1)
})

it('gives up a peer that no longer answers, and no other', () => {
  vi.useFakeTimers()
  const { socket } = open()
  vi.advanceTimersByTime(30_000)
  socket.emit('pong')
  vi.advanceTimersByTime(30_000)
  expect([socket.pings, socket.terminated]).toEqual([2, false])
  vi.advanceTimersByTime(30_000)
  expect(socket.terminated).toBe(true)
  vi.advanceTimersByTime(300_000)
  expect(socket.pings).toBe(2)
})

it('says nothing to who is gone', () => {
  const { socket, port } = open()
  socket.readyState = 3
  port.send({ t: 'close', id: 1 })
  expect(socket.sent).toEqual([])
})

it('closes on what is not JSON', () => {
  const { socket, port } = open()
  const heard = vi.fn()
  port.onFrame(heard)
  socket.emit('message', Buffer.from('{"t":'))
  expect(socket.closed).toBe(1007)
  expect(heard).not.toHaveBeenCalled()
})
