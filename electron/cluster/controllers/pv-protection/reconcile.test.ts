import { expect, it } from 'vitest'
import { volume } from '../framework/testing/builders.ts'
import { reconcile } from './reconcile.ts'

const finalizer = 'kubernetes.io/pv-protection'
const going = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a/b', finalizer] }

it.each([
  ['protects a volume', volume('v'), [finalizer]],
  ['holds a bound one', volume('v', { metadata: going, status: { phase: 'Bound' } }), undefined],
  ['lets a released one go', volume('v', { metadata: going, status: { phase: 'Released' } }), ['a/b']],
  ['has nothing to do twice', volume('v', { metadata: { finalizers: [finalizer] } }), undefined],
])('%s', (_, object, finalizers) => {
  const [step] = reconcile(object).steps
  const written = step?.verb === 'update' ? step.object.metadata?.finalizers : undefined
  expect(written).toEqual(finalizers)
})
