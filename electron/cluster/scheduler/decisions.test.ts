import { expect, it } from 'vitest'
import { DecisionRing } from './decisions.ts'

const pending = (uid: string, nodes: number) => ({
  pod: uid,
  uid,
  at: 0,
  message: '',
  all: nodes,
  restrictedBy: [],
  preemption: { result: 'NotTried' as const, tried: '' },
  nodes: Array.from({ length: nodes }, (_, i) => ({ node: `n${i}`, rejections: [] as never })),
})

it('keeps the newest answer for every pod, and the oldest go when there is no more room', () => {
  const ring = new DecisionRing({ capacity: 10 })
  ring.record(pending('a', 3))
  ring.record(pending('b', 3))
  ring.record({ ...pending('a', 3), message: 'again' })
  expect(ring.answers().map(({ uid }) => uid)).toEqual(['b', 'a'])
  expect(ring.answerFor('a')).toMatchObject({ message: 'again' })
  ring.record(pending('c', 3))
  expect(ring.answers().map(({ uid }) => uid)).toEqual(['a', 'c'])
})

it('keeps the newest answer even where it alone is more than there is room for', () => {
  const ring = new DecisionRing({ capacity: 10 })
  ring.record(pending('a', 3))
  ring.record(pending('b', 300))
  expect(ring.answers().map(({ uid }) => uid)).toEqual(['b'])
})

it('counts a report once that pods of one kind share, so that all of them keep their answer', () => {
  const ring = new DecisionRing({ capacity: 400 })
  const { nodes } = pending('a', 300)
  for (let i = 0; i < 50; i++) ring.record({ ...pending(`p${i}`, 0), nodes })
  expect(ring.answers()).toHaveLength(50)
  for (let i = 0; i < 50; i++) ring.forget(`p${i}`)
  // All of it has been given back.
  ring.record(pending('b', 300))
  ring.record(pending('c', 90))
  expect(ring.answers().map(({ uid }) => uid)).toEqual(['b', 'c'])
})
