import { expect, it } from 'vitest'
import { intentOf } from './intent.ts'

const deployment = (replicas: number, resourceVersion: string, ready: number) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', resourceVersion, generation: Number(resourceVersion) },
  spec: { replicas },
  status: { readyReplicas: ready },
})

it('takes a change of status for no change of what people set', () => {
  expect(intentOf(deployment(3, '7', 1))).toBe(intentOf(deployment(3, '9', 3)))
})

it('sees a change of the spec', () => {
  expect(intentOf(deployment(3, '7', 1))).not.toBe(intentOf(deployment(4, '7', 1)))
})
