import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import type { StatusError } from '#shared/kube/status.ts'
import { FakeClock } from '../../../../base/fake-clock.ts'
import type { ActionServices, StrategyContext } from '../../kind.ts'
import { evictPod } from './eviction.ts'
import type { Pod } from './types.ts'

const budget = (status: object, spec: object = {}): PodDisruptionBudget => ({
  metadata: { name: 'budget', namespace: 'a', generation: 1 },
  spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  status: {
    currentHealthy: 2,
    desiredHealthy: 1,
    disruptionsAllowed: 1,
    expectedPods: 2,
    observedGeneration: 1,
    ...status,
  },
})
const pod = (ready: boolean, phase = 'Running'): Pod => ({
  metadata: { name: 'web-1', namespace: 'a', labels: { app: 'web' } },
  status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
})

/** What came of an eviction: the answer or refusal, whether the pod was deleted, and what the budgets say then. */
async function evict(target: Pod, budgets: PodDisruptionBudget[], dryRun = false) {
  let deleted = false
  const stored = structuredClone({ target, budgets })
  const services = {
    get: () => stored.target,
    list: () => stored.budgets,
    update: async (kind: { plural: string }, _: string, name: string, change: (object: KubeObject) => void) =>
      change(kind.plural === 'pods' ? stored.target : stored.budgets.find(({ metadata }) => metadata?.name === name)!),
    delete: async (_kind: object, _namespace: string, _name: string, options: { dryRun?: boolean }) =>
      void (deleted = !options.dryRun),
  } as unknown as ActionServices
  const context = { namespace: 'a', dryRun, clock: new FakeClock() } as unknown as StrategyContext
  const refusal = await evictPod({ metadata: { name: 'web-1' } }, 'web-1', services, context).then(
    () => undefined,
    (error: unknown) => (error as StatusError).status,
  )
  return { refusal, deleted, budget: stored.budgets[0]?.status, pod: stored.target }
}

it('spends the budget, notes whose eviction was granted, and marks the pod', async () => {
  const { deleted, budget: status, pod: marked } = await evict(pod(true), [budget({})])
  expect(deleted).toBe(true)
  expect(status).toMatchObject({
    disruptionsAllowed: 0,
    disruptedPods: { 'web-1': '2026-01-01T00:00:00Z' },
    conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }],
  })
  expect(marked.status?.conditions).toContainEqual(
    expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }),
  )
})

it('refuses what would violate a budget, and says what is missing', async () => {
  const { refusal, deleted } = await evict(pod(true), [budget({ disruptionsAllowed: 0 })])
  expect([refusal?.code, refusal?.message, deleted]).toEqual([
    429,
    "Cannot evict pod as it would violate the pod's disruption budget.",
    false,
  ])
  expect(refusal?.details?.causes).toEqual([
    { reason: 'DisruptionBudget', message: 'The disruption budget budget needs 1 healthy pods and has 2 currently' },
  ])
})

it('refuses for ten seconds while a budget has not been looked at', async () => {
  const { refusal } = await evict(pod(true), [budget({ observedGeneration: 0 })])
  expect([refusal?.code, refusal?.details?.retryAfterSeconds]).toEqual([429, 10])
})

it.each([
  ['IfHealthyBudget', { currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0 }, true],
  ['IfHealthyBudget', { currentHealthy: 0, desiredHealthy: 1, disruptionsAllowed: 0 }, false],
  [undefined, { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0 }, false],
  ['AlwaysAllow', { currentHealthy: 0, desiredHealthy: 1, disruptionsAllowed: 0 }, true],
])('a pod that is not ready goes by the policy %s with %j: %s', async (policy, status, goes) => {
  const spec = policy ? { unhealthyPodEvictionPolicy: policy } : {}
  const { deleted, budget: after } = await evict(pod(false), [budget(status, spec)])
  expect(deleted).toBe(goes)
  expect(after?.disruptedPods).toBeUndefined()
})

it('asks no budget for pods that do not run', async () => {
  for (const phase of ['Pending', 'Succeeded', 'Failed'])
    expect((await evict(pod(false, phase), [budget({ disruptionsAllowed: 0 })])).deleted).toBe(true)
})

it('does not choose between several budgets', async () => {
  const other = budget({})
  const { refusal, deleted } = await evict(pod(true), [budget({}), { ...other, metadata: { name: 'other' } }])
  expect([refusal?.code, refusal?.message, deleted]).toEqual([
    500,
    'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    false,
  ])
})

it('spends nothing on a dry run', async () => {
  const { deleted, budget: status } = await evict(pod(true), [budget({})], true)
  expect([deleted, status?.disruptionsAllowed]).toEqual([false, 1])
})
