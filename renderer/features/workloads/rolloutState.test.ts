// @vitest-environment node
import type { Deployment } from 'kubernetes-types/apps/v1'
import { expect, it } from 'vitest'
import { rolloutState } from './rolloutState.ts'

const deployment = (status: NonNullable<Deployment['status']>, spec: object = {}): Deployment =>
  ({
    metadata: { generation: 2 },
    spec: { replicas: 3, selector: {}, template: {}, ...spec },
    status: { observedGeneration: 2, ...status },
  }) as Deployment
const word = (some: Deployment) => rolloutState(some).word

it('follows a rollout from the change to the end', () => {
  expect(word(deployment({ observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 3 }))).toBe(
    'Rolling out',
  )
  expect(word(deployment({ replicas: 4, updatedReplicas: 1, availableReplicas: 3 }))).toBe('Rolling out')
  expect(word(deployment({ replicas: 4, updatedReplicas: 3, availableReplicas: 3 }))).toBe('Rolling out')
  expect(word(deployment({ replicas: 3, updatedReplicas: 3, availableReplicas: 2 }))).toBe('Waiting')
  expect(word(deployment({ replicas: 3, updatedReplicas: 3, availableReplicas: 3 }))).toBe('Available')
})

it('says that it stalled, whatever still answers', () => {
  const conditions = [
    { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'has timed out progressing.' },
  ]
  expect(rolloutState(deployment({ replicas: 4, updatedReplicas: 1, availableReplicas: 3, conditions }))).toMatchObject(
    { word: 'Stalled', tone: 'bad', message: 'has timed out progressing.' },
  )
})

it('tells a pause and a scale to nothing apart from trouble', () => {
  expect(word(deployment({ replicas: 3, updatedReplicas: 3, availableReplicas: 3 }, { paused: true }))).toBe('Paused')
  expect(word(deployment({}, { replicas: 0 }))).toBe('Scaled to 0')
})
