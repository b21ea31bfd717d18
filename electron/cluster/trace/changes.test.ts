import type { KubeObject } from '#shared/kube/object.ts'
import { expect, it } from 'vitest'
import { changeBetween } from './changes.ts'

const change = (old: object, now: object) => changeBetween(old as KubeObject, now as KubeObject)

it('tells numbers and words of the spec with what they were', () => {
  expect(change({ spec: { replicas: 3 } }, { spec: { replicas: 5 } })).toBe('replicas 3 → 5')
  expect(change({ spec: {} }, { spec: { unschedulable: true } })).toBe('unschedulable true')
})

it('tells which image of a template is another', () => {
  const deployment = (image: string) => ({ spec: { template: { spec: { containers: [{ name: 'c', image }] } } } })
  expect(change(deployment('web:1'), deployment('web:2'))).toBe('image of c web:1 → web:2, spec.template')
})

it('tells phases and conditions of the status, and the reason of what does not hold', () => {
  const status = (phase: string, ready: object) => ({ status: { phase, conditions: [{ type: 'Ready', ...ready }] } })
  expect(change(status('Pending', { status: 'True' }), status('Running', { status: 'False', reason: 'Crashed' }))).toBe(
    'phase Pending → Running, Ready False (Crashed)',
  )
})

it('says nothing of heartbeats and generations', () => {
  const status = (time: string, observedGeneration: number) => ({
    status: { observedGeneration, conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: time }] },
  })
  expect(change(status('1', 1), status('2', 2))).toBe('')
})

it('names the parts of other objects that changed, never what is in them', () => {
  expect(change({ data: { password: 'old' } }, { data: { password: 'secret' } })).toBe('data')
  const labelled = (value: string) => ({ metadata: { annotations: { token: value }, finalizers: value ? ['f'] : [] } })
  expect(change(labelled(''), labelled('secret'))).toBe('annotations, finalizer f added')
})

it('stays short', () => {
  const spec = (value: number) => ({
    spec: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`field-${i}`, value])),
  })
  expect(change(spec(1), spec(2))).toHaveLength(240)
})
