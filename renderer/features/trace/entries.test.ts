// @vitest-environment node
import { expect, it } from 'vitest'
import type { Trace } from '#shared/kube/trace.ts'
import { actorOf, entryOfTrace, laterBy, newestFirst, oldestFirst, toolOf } from './entries.ts'

const trace = (more: Partial<Trace> = {}): Trace => ({
  metadata: { name: 'web-1.4iz', namespace: 'shop', uid: 'u' },
  time: '2026-01-01T00:00:00.500000Z',
  user: 'system:node:n1',
  component: 'kubelet',
  action: 'Started',
  object: { kind: 'Pod', name: 'web-1', namespace: 'shop' },
  id: '4iz',
  root: '4ia',
  depth: 3,
  ...more,
})

it('names people with their programs, and components by themselves', () => {
  const [kubelet, jane] = [entryOfTrace(trace()), entryOfTrace(trace({ user: 'jane', component: 'kubectl' }))]
  expect([actorOf(kubelet), toolOf(kubelet)]).toEqual(['kubelet', undefined])
  expect([actorOf(jane), toolOf(jane)]).toEqual(['jane', 'kubectl'])
})

it('finds what it came of by the name of that trace, also of objects without a namespace', () => {
  const cause = (namespace?: string) => ({
    object: { kind: 'X', name: 'web', ...(namespace ? { namespace } : {}) },
    trace: '4ib',
  })
  expect(entryOfTrace(trace({ cause: cause('shop') })).parent).toBe('shop/web.4ib')
  expect(entryOfTrace(trace({ cause: cause() })).parent).toBe('default/web.4ib')
  expect(entryOfTrace(trace({ cause: { object: { kind: 'X', name: 'web' } } })).parent).toBeUndefined()
})

it('tells failures and trouble from the rest', () => {
  const tones = [{}, { action: 'BackOff' }, { failure: 'quota' }].map((more) => entryOfTrace(trace(more)).tone)
  expect(tones).toEqual(['off', 'warn', 'bad'])
})

it('puts entries in the order of their ids', () => {
  const entries = ['4iz', '4j0', '4ia'].map((id) => entryOfTrace(trace({ id })))
  expect([...entries].sort(newestFirst).map(({ id }) => id)).toEqual(['4j0', '4iz', '4ia'])
  expect([...entries].sort(oldestFirst).map(({ id }) => id)).toEqual(['4ia', '4iz', '4j0'])
})

it('says how much later in the unit that fits', () => {
  expect([40, 9_940, 65_000, 600_000, 9_000_000].map(laterBy)).toEqual(['+0.0 s', '+9.9 s', '+65 s', '+10 min', '+3 h'])
})
