import { expect, it } from 'vitest'
import { RecentMessages } from './recent-messages.ts'

it('makes a message once as long as there is room, and lets the oldest go first', () => {
  const messages = new RecentMessages(3000)
  let made = 0
  const of = (holder: object) => messages.of(holder, () => Buffer.alloc(1000, ++made))
  const [a, b, c] = [{}, {}, {}]
  expect(of(a)).toBe(of(a))
  of(b)
  expect(of(a)[0]).toBe(1)
  of(c)
  expect(of(c)[0]).toBe(3)
  expect(of(b)[0]).toBe(2)
  expect(of(a)[0]).toBe(4)
})

it('hands out what alone is more than it may keep', () => {
  const messages = new RecentMessages(10)
  const of = (holder: object) => messages.of(holder, () => Buffer.alloc(1000))
  const holder = {}
  expect(of(holder)).toHaveLength(1000)
  expect(of(holder)).not.toBe(of(holder))
})
