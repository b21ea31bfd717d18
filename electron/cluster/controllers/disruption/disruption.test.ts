import type { Pod } from 'kubernetes-types/core/v1'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import * as resources from '#shared/kube/resources.ts'
import { podDisruptionBudgets, pods, replicaSets, type ResourceType } from '#shared/kube/resources.ts'
import type { ServedResource } from '../../client/api.ts'
import { deployment, job, pod, readyStatus, replicaSet } from '../framework/testing/builders.ts'
import { harness } from '../framework/testing/harness.ts'
import { disruptionController } from './controller.ts'
import { describeSelector } from './describe-selector.ts'
import { disruptedPodController } from './pods.ts'

const key = (name: string) => ({ namespace: 'default', name })
const databases: ResourceType = {
  group: 'example.com',
  version: 'v1',
  plural: 'databases',
  kind: 'Database',
  namespaced: true,
}
const served = [...Object.values(resources).filter((type) => typeof type === 'object'), databases].map(
  (type): ServedResource => ({ ...type, verbs: [] }),
)
const discovery = { resources: async () => ({ resources: served, failures: [] }) }

async function start(...objects: KubeObject[]) {
  const known = objects.filter(({ kind }) => kind !== 'Database')
  const h = await harness(
    (parts) => [disruptionController({ ...parts, discovery }), disruptedPodController(parts)],
    known,
  )
  h.client.register(databases)
  for (const object of objects) if (object.kind === 'Database') h.client.seed(object)
  await h.run(10)
  return Object.assign(h, {
    status: (name = 'budget') => h.client.find(podDisruptionBudgets, key(name))?.status,
    condition: () => h.client.find(podDisruptionBudgets, key('budget'))?.status?.conditions?.[0],
    grant: (name: string) =>
      h.client.change(podDisruptionBudgets, key('budget'), (each) => {
        each.status!.disruptionsAllowed -= 1
        each.status!.disruptedPods = { [name]: new Date(h.clock.now()).toISOString() }
      }),
  })
}

const budget = (spec: object, name = 'budget'): PodDisruptionBudget => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name, namespace: 'default', uid: name, generation: 1 },
  spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
})
const web = (name: string, owner?: object, parts: Partial<Pod> = {}) =>
  pod(name, {
    status: readyStatus(),
    ...parts,
    metadata: {
      labels: { app: 'web' },
      ...(owner ? { ownerReferences: [{ controller: true, ...owner } as never] } : {}),
      ...parts.metadata,
    },
  })
const set = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set', uid: 'set-uid' }
const three = [web('a', set), web('b', set), web('c', set)]

describe('a budget', () => {
  it('with a minimum allows what is healthy beyond it', async () => {
    await using h = await start(budget({ minAvailable: 2 }), ...three, web('d', set, { status: { phase: 'Running' } }))
    expect(h.status()).toEqual({
      currentHealthy: 3,
      desiredHealthy: 2,
      disruptionsAllowed: 1,
      expectedPods: 4,
      observedGeneration: 1,
      conditions: [
        {
          type: 'DisruptionAllowed',
          status: 'True',
          reason: 'SufficientPods',
          message: '',
          observedGeneration: 1,
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    })
  })

  it.each([
    [{ maxUnavailable: 1 }, { desiredHealthy: 4, expectedPods: 5, disruptionsAllowed: 0 }],
    [{ maxUnavailable: '50%' }, { desiredHealthy: 2, expectedPods: 5, disruptionsAllowed: 1 }],
    [{ minAvailable: '30%' }, { desiredHealthy: 2, expectedPods: 5, disruptionsAllowed: 1 }],
    [{ maxUnavailable: '100%' }, { desiredHealthy: 0, expectedPods: 5, disruptionsAllowed: 3 }],
  ])('of %j goes by the number that is wanted, not by that which is there', async (spec, expected) => {
    await using h = await start(budget(spec), replicaSet('set', { spec: { replicas: 5 } as never }), ...three)
    expect(h.status()).toMatchObject({ ...expected, currentHealthy: 3 })
  })

  it('asks the deployment above a replica set, once for all its sets', async () => {
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'web-uid', controller: true }
    const owned = (name: string) =>
      replicaSet(name, { metadata: { ownerReferences: [owner] }, spec: { replicas: 9 } as never })
    await using h = await start(
      budget({ maxUnavailable: 1 }),
      deployment('web', { spec: { ...deployment('web').spec!, replicas: 4 } }),
      owned('set'),
      owned('new'),
      ...three,
      web('d', { ...set, name: 'new', uid: 'new-uid' }),
    )
    expect(h.status()).toMatchObject({ expectedPods: 4, desiredHealthy: 3, currentHealthy: 4, disruptionsAllowed: 1 })
  })

  it('asks custom resources by their scale', async () => {
    const owner = { apiVersion: 'example.com/v1', kind: 'Database', name: 'db', uid: 'db-uid' }
    const database: KubeObject & { spec: object } = {
      apiVersion: 'example.com/v1',
      kind: 'Database',
      metadata: { name: 'db', namespace: 'default', uid: 'db-uid' },
      spec: { replicas: 2 },
    }
    await using h = await start(database, budget({ maxUnavailable: 1 }), web('a', owner), web('b', owner))
    h.client.change(podDisruptionBudgets, key('budget'), (each) => Object.assign(each.metadata!, { generation: 2 }))
    await h.run(10)
    expect(h.status()).toMatchObject({ expectedPods: 2, desiredHealthy: 1, disruptionsAllowed: 1 })
    expect(h.client.actions).toContainEqual(
      expect.objectContaining({ verb: 'get', resource: 'databases', subresource: 'scale' }),
    )
  })

  it.each([
    [
      'a kind that cannot be scaled',
      job('set', { metadata: { uid: 'set-uid' } }),
      { ...set, apiVersion: 'batch/v1', kind: 'Job' },
      'jobs.batch does not implement the scale subresource',
    ],
    ['an owner that is gone', undefined, set, 'found no controllers for pod "a"'],
    [
      'a kind that is not served',
      undefined,
      { ...set, apiVersion: 'x.org/v1', kind: 'Thing' },
      'no matches for kind "Thing" in version "x.org/v1"',
    ],
  ])('that cannot be reckoned because of %s allows nothing and says why', async (_, object, owner, message) => {
    await using h = await start(budget({ maxUnavailable: 1 }), ...(object ? [object] : []), web('a', owner))
    expect(h.condition()).toMatchObject({ status: 'False', reason: 'SyncFailed', message })
    expect(h.status()?.disruptionsAllowed).toBe(0)
    expect(h.events()).toContain(
      `CalculateExpectedPodCountFailed: Failed to calculate the number of expected pods: ${message}`,
    )
  })

  it('warns of pods that nothing controls', async () => {
    await using h = await start(budget({ maxUnavailable: 1 }), replicaSet('set'), web('a', set), web('loose'))
    const [text] = h.events()
    expect(text).toMatch(
      /^UnmanagedPods: Pods selected by this PodDisruptionBudget \(selector: &LabelSelector\{MatchLabels:map\[string\]string\{app: web,\},MatchExpressions:\[\]LabelSelectorRequirement\{\},\}\) were found to be unmanaged\./,
    )
    expect(h.status()).toMatchObject({ expectedPods: 1, currentHealthy: 2 })
  })

  it('without pods allows nothing, whatever its minimum', async () => {
    await using h = await start(budget({ minAvailable: 0 }))
    expect(h.status()).toMatchObject({ expectedPods: 0, disruptionsAllowed: 0 })
    expect(h.events()).toEqual(['NoPods: No matching pods found'])
  })

  it('of a set that is scaled to nothing allows nothing, though pods are still there', async () => {
    await using h = await start(
      budget({ maxUnavailable: 1 }),
      replicaSet('set', { spec: { replicas: 0 } as never }),
      ...three,
    )
    expect(h.status()).toMatchObject({ expectedPods: 0, currentHealthy: 3, disruptionsAllowed: 0 })
  })

  it('follows pods as they come, turn and go, and as their labels change', async () => {
    await using h = await start(budget({ minAvailable: 1 }), ...three)
    const allowed = [h.status()?.disruptionsAllowed]
    const step = async (act: () => unknown) => {
      act()
      await h.run(10)
      allowed.push(h.status()?.disruptionsAllowed)
    }
    await step(() => h.client.change(pods, key('a'), (each) => Object.assign(each, { status: { phase: 'Running' } })))
    await step(() => h.client.seed(web('d', set)))
    await step(() => h.client.change(pods, key('b'), (each) => (each.metadata!.labels = { app: 'other' })))
    await step(() => h.client.remove(pods, key('c')))
    expect(allowed).toEqual([2, 1, 2, 1, 0])
    expect(h.condition()).toMatchObject({ status: 'False', reason: 'InsufficientPods' })
  })

  it('does not write what has not changed', async () => {
    await using h = await start(budget({ minAvailable: 1 }), ...three)
    h.client.actions.length = 0
    h.client.change(podDisruptionBudgets, key('budget'), (each) => (each.metadata!.labels = { seen: 'yes' }))
    await h.run(1000)
    expect(h.client.writes('update')).toEqual([])
  })

  it('sums up what its selector selects by expressions, too', async () => {
    const selector = { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'db'] }] }
    await using h = await start(
      budget({ minAvailable: 1, selector }),
      ...three,
      web('x', set, { metadata: { labels: { app: 'db' } } }),
    )
    expect(h.status()).toMatchObject({ expectedPods: 4, currentHealthy: 4 })
  })
})

describe('a granted eviction', () => {
  it('counts as gone at once, whether or not the pod is', async () => {
    await using h = await start(budget({ minAvailable: 2 }), ...three)
    h.grant('a')
    await h.run(10)
    expect(h.status()).toMatchObject({
      currentHealthy: 2,
      disruptionsAllowed: 0,
      disruptedPods: { a: '2026-01-01T00:00:00.010Z' },
    })
    await h.client.delete(pods, key('a'))
    await h.run(10)
    expect(h.status()?.disruptedPods).toBeUndefined()
    expect(h.status()).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 0 })
  })

  it('that nobody carries out is forgotten after two minutes, and told of', async () => {
    await using h = await start(budget({ minAvailable: 2 }), ...three)
    h.grant('a')
    await h.run(119_000)
    expect(h.status()?.disruptionsAllowed).toBe(0)
    await h.run(2_000)
    expect(h.status()).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 1 })
    expect(h.events()).toContain("NotDeleted: Pod was expected by PDB default/default to be deleted but it wasn't")
  })

  it('is not undone by a look at a stale budget', async () => {
    await using h = await start(budget({ minAvailable: 2 }), ...three)
    const blind = h.client.react('watch', 'poddisruptionbudgets', () => 'blind')
    h.client.closeWatches(podDisruptionBudgets)
    h.grant('a')
    h.client.seed(web('d', set))
    await h.run(10)
    expect(h.status()?.disruptedPods).toHaveProperty('a')
    blind()
    await h.run(60_000)
    expect(h.status()).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 1 })
  })
})

describe('pods', () => {
  it('of several budgets are told of, and count for each', async () => {
    await using h = await start(
      budget({ minAvailable: 1 }),
      budget({ maxUnavailable: 1 }, 'other'),
      replicaSet('set', { spec: { replicas: 3 } as never }),
      ...three,
    )
    expect([h.status()?.disruptionsAllowed, h.status('other')?.disruptionsAllowed]).toEqual([2, 1])
    expect(h.events()).toContain(
      'MultiplePodDisruptionBudgets: Pod "default"/"a" matches multiple PodDisruptionBudgets.  Chose "budget" arbitrarily.',
    )
  })

  const announced = (reason: string, parts: Partial<Pod> = {}) =>
    web('a', set, {
      status: {
        phase: 'Running',
        conditions: [{ type: 'DisruptionTarget', status: 'True', reason, lastTransitionTime: '2026-01-01T00:00:00Z' }],
      },
      ...parts,
    })

  it('whose announced disruption has not come after two minutes are told so', async () => {
    await using h = await start(announced('EvictionByEvictionAPI'))
    await h.run(119_000)
    expect(h.client.find(pods, key('a'))?.status?.conditions?.[0]?.status).toBe('True')
    await h.run(2_000)
    expect(h.client.find(pods, key('a'))?.status?.conditions).toEqual([
      { type: 'DisruptionTarget', status: 'False', lastTransitionTime: '2026-01-01T00:02:00Z' },
    ])
  })

  it.each([
    ['that their kubelet ends', announced('TerminationByKubelet')],
    [
      'that are being deleted',
      announced('PreemptionByScheduler', {
        metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 600 },
      }),
    ],
  ])('%s keep their announcement', async (_, each) => {
    await using h = await start(each)
    await h.run(600_000)
    expect(h.client.writes()).toEqual([])
  })
})

it('prints a selector as Go does', () => {
  const matchExpressions = [{ key: 'tier', operator: 'In', values: ['a', 'b'] }]
  expect(describeSelector({ matchLabels: { b: '2', a: '1' }, matchExpressions })).toBe(
    '&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:tier,Operator:In,Values:[a b],},},}',
  )
})

it('a scaled set is seen with the pods that it makes', async () => {
  await using h = await start(
    budget({ maxUnavailable: 1 }),
    replicaSet('set', { spec: { replicas: 3 } as never }),
    ...three,
  )
  h.client.change(replicaSets, key('set'), (each) => (each.spec!.replicas = 4))
  h.client.seed(web('d', set))
  await h.run(10)
  expect(h.status()).toMatchObject({ expectedPods: 4, desiredHealthy: 3, disruptionsAllowed: 1 })
})
