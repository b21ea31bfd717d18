import type { Taint, Toleration } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { nodes } from '#shared/kube/resources.ts'
import { node, pod } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { toleratedFor } from '../framework/support/taints.ts'
import { taintEvictionController } from './controller.ts'

const taint: Taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }
const on = (name: string, tolerations: Toleration[] = []) =>
  pod(name, { metadata: { generation: 3 }, spec: { nodeName: 'n', containers: [], tolerations } })
const start = (...tolerations: Toleration[]) =>
  harness((parts) => [taintEvictionController(parts)], [node('n'), on('p', tolerations)])
const set = (h: Harness, ...taints: Taint[]) => h.client.change(nodes, { name: 'n' }, (n) => (n.spec = { taints }))
const deleted = (h: Harness) => h.client.writes('delete').map((a) => a.name)
const exists = { key: taint.key, operator: 'Exists' }

it('deletes a pod that does not tolerate the taint at once, saying why in a condition', async () => {
  await using h = await start()
  set(h, taint)
  await h.run()
  expect(deleted(h)).toEqual(['p'])
  expect(h.client.writes('patch')[0]?.body).toMatchObject({
    status: {
      conditions: [
        { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager', observedGeneration: 3 },
      ],
    },
  })
  expect(h.events()).toEqual(['TaintManagerEviction: Marking for deletion Pod default/p'])
})

it('gives a pod its tolerationSeconds, counted from when it came under the taint', async () => {
  await using h = await start({ ...exists, tolerationSeconds: 300 })
  set(h, taint)
  await h.run(200_000)
  set(h, taint, { key: 'other', effect: 'NoSchedule' })
  await h.run(99_000)
  expect(deleted(h)).toEqual([])
  await h.run(2_000)
  expect(deleted(h)).toEqual(['p'])
})

it.each([
  ['forward', 3600_000],
  ['back', -3600_000],
])('gives it no less and no more when the clock is set %s meanwhile', async (_where, by) => {
  await using h = await start({ ...exists, tolerationSeconds: 300 })
  set(h, taint)
  await h.run(100_000)
  h.clock.jump(by)
  set(h, taint, { key: 'other', effect: 'NoSchedule' })
  await h.run(199_000)
  expect(deleted(h)).toEqual([])
  await h.run(2_000)
  expect(deleted(h)).toEqual(['p'])
})

it('spares the pod when the taint goes in time, and counts anew when it returns', async () => {
  await using h = await start({ ...exists, tolerationSeconds: 300 })
  set(h, taint)
  await h.run(200_000)
  set(h)
  await h.run(200_000)
  expect(deleted(h)).toEqual([])
  set(h, taint)
  await h.run(200_000)
  expect(deleted(h)).toEqual([])
})

it('never evicts a pod that tolerates without a limit, nor for taints of other effects', async () => {
  await using h = await start(exists)
  set(h, taint, { key: 'x', effect: 'NoSchedule' })
  await h.run(3_600_000)
  expect(deleted(h)).toEqual([])
})

it('evicts a pod that is bound to a tainted node', async () => {
  await using h = await start(exists)
  set(h, taint)
  h.client.seed(on('late'))
  await h.run()
  expect(deleted(h)).toEqual(['late'])
})

it('takes the shortest of the tolerations that apply, and needs one for every taint', () => {
  const tolerations = [
    { ...exists, tolerationSeconds: 300 },
    { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 10 },
  ]
  expect(toleratedFor(tolerations, [taint])).toBe(10_000)
  expect(toleratedFor([exists], [taint, { key: 'x', effect: 'NoExecute' }])).toBe(0)
  expect(toleratedFor([{ key: taint.key, value: 'v' }], [taint])).toBe(0)
  expect(toleratedFor([{ operator: 'Exists' }], [taint])).toBe(Infinity)
})
