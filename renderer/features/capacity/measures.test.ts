// @vitest-environment node
import { expect, it } from 'vitest'
import type { NodeCapacity } from '#shared/ipc/capacity.ts'
import { ordered, shareOf } from './measures.ts'

const node = (name: string, requested: number, used: number | null = null): NodeCapacity => ({
  uid: name,
  name,
  tone: 'ok',
  status: 'Ready',
  cpu: { used, requested, room: 4 },
  memory: { used: null, requested: 0, room: 0 },
  pods: { ok: 10, busy: 1, warn: 0, bad: 0, off: 0 },
  podRoom: 110,
})
const names = (nodes: readonly NodeCapacity[]) => nodes.map(({ name }) => name)

it('orders nodes as people count, or the fullest first', () => {
  const nodes = [node('n-10', 1), node('n-2', 3), node('n-1', 1)]
  expect(names(ordered(nodes, 'name'))).toEqual(['n-1', 'n-2', 'n-10'])
  expect(names(ordered(nodes, 'cpu.requested'))).toEqual(['n-2', 'n-1', 'n-10'])
})

it('knows no share of what nobody tells, or of what there is none of', () => {
  expect(shareOf(node('a', 1), 'cpu.requested')).toBe(0.25)
  expect(shareOf(node('a', 1), 'pods')).toBe(0.1)
  expect(shareOf(node('a', 1), 'cpu.used')).toBeUndefined()
  expect(shareOf(node('a', 1), 'memory.requested')).toBeUndefined()
})
