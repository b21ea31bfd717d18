import { expect, it } from 'vitest'
import { FakeClock } from '../../base/fake-clock.ts'
import { Balancer } from './balancer.ts'

const [a, b, c] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((ip) => ({ ip, port: 80 })) as [Target, Target, Target]
type Target = { ip: string; port: number }

function balancer(endpoints: Target[], affinity?: number) {
  const clock = new FakeClock()
  const made = new Balancer(clock)
  made.set(endpoints, affinity)
  return { balancer: made, clock }
}

it('reaches every endpoint in turn with short connections', () => {
  const { balancer: it } = balancer([a, b, c])
  const counts = new Map<string, number>()
  for (let i = 0; i < 30; i++) {
    const { ip } = it.pick('client')!
    counts.set(ip, (counts.get(ip) ?? 0) + 1)
  }
  expect([...counts.values()]).toEqual([10, 10, 10])
})

it('prefers the endpoint with the fewest connections', () => {
  const { balancer: it } = balancer([a, b, c])
  const ends = [a, a, b, c, c].map((endpoint) => it.use(endpoint))
  expect([it.pick('x'), it.pick('y')]).toEqual([b, b])
  ends.forEach((end) => end())
  expect(new Set([it.pick('x'), it.pick('x'), it.pick('x')]).size).toBe(3)
})

it('offers what has not been tried, and nothing when everything has', () => {
  const { balancer: it } = balancer([a, b])
  expect([it.pick('x', [a]), it.pick('x', [a]), it.pick('x', [a, b])]).toEqual([b, b, undefined])
})

it('keeps a client at its endpoint until it has been silent for the time of its affinity', async () => {
  const { balancer: it, clock } = balancer([a, b, c], 10)
  const first = it.pick('client')
  expect([it.pick('other'), it.pick('another')]).not.toContain(first)
  await clock.advance(9000)
  expect(it.pick('client')).toBe(first)
  await clock.advance(9000)
  expect(it.pick('client')).toBe(first)
  await clock.advance(11_000)
  expect(new Set(Array.from({ length: 3 }, (_, i) => it.pick(`${i}`)))).toContain(first)
  const second = it.pick('client')!
  it.set(
    [a, b, c].filter((endpoint) => endpoint !== second),
    10,
  )
  expect(it.pick('client')).not.toBe(second)
})

it('moves a client to another endpoint when its own cannot be reached, and keeps it there', () => {
  const { balancer: it } = balancer([a, b], 10)
  const first = it.pick('client')!
  const second = it.pick('client', [first])
  expect(it.pick('client')).toBe(second)
})
