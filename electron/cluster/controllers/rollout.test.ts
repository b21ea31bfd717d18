import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { deployments, pods, replicaSets } from '#shared/kube/resources.ts'
import { forbidden } from '#shared/kube/status.ts'
import { replicaSetController } from './replicaset/controller.ts'
import { deployment, readyStatus } from './framework/testing/builders.ts'
import { harness, type Harness } from './framework/testing/harness.ts'
import { deploymentController } from './deployment/controller.ts'

const key = { namespace: 'default', name: 'web' }
const start = (...objects: KubeObject[]) =>
  harness((parts) => [deploymentController(parts), replicaSetController(parts)], objects)

/** Plays the node agent: every pod that is not broken becomes ready. */
async function settle(h: Harness, broken = 'broken'): Promise<void> {
  for (let round = 0; round < 30; round++) {
    await h.run(1000)
    for (const pod of h.client.stored(pods)) {
      if (pod.status?.phase === 'Running' || pod.spec?.containers[0]?.image === broken) continue
      const { namespace = '', name = '' } = pod.metadata ?? {}
      h.client.change(pods, { namespace, name }, (p) => Object.assign(p, { status: readyStatus() }))
    }
  }
}
const sets = (h: Harness) =>
  h.client
    .stored(replicaSets)
    .sort((a, b) => revision(a) - revision(b))
    .map((set) => `${revision(set)}: ${set.spec?.template?.spec?.containers[0]?.image} ${set.spec?.replicas}`)
const revision = (set: ReplicaSet) => Number(set.metadata?.annotations?.['deployment.kubernetes.io/revision'])
const read = (h: Harness) => h.client.find(deployments, key)!
const edit = (h: Harness, change: (spec: NonNullable<Deployment['spec']>) => void) =>
  h.client.change(deployments, key, (d) => {
    change(d.spec!)
    Object.assign(d.metadata!, { generation: (d.metadata?.generation ?? 0) + 1 })
  })
const image = (h: Harness, to: string) => edit(h, (spec) => (spec.template.spec!.containers[0]!.image = to))
const reason = (h: Harness, type: string) => {
  const found = read(h).status?.conditions?.find((c) => c.type === type)
  return found && `${found.status} ${found.reason}`
}
const web = (spec: Partial<NonNullable<Deployment['spec']>> = {}) => {
  const base = deployment('web')
  return { ...base, spec: { ...base.spec!, ...spec } }
}

describe('rolling out', () => {
  it('comes to rest with all replicas available, and then writes nothing more', async () => {
    await using h = await start(web({ replicas: 3 }))
    await settle(h)
    expect(read(h).status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      terminatingReplicas: 0,
    })
    expect([reason(h, 'Available'), reason(h, 'Progressing')]).toEqual([
      'True MinimumReplicasAvailable',
      'True NewReplicaSetAvailable',
    ])
    const before = h.client.writes().length
    await h.run(3_600_000)
    expect(h.client.writes().length).toBe(before)
  })

  it.each([
    ['25%', '25%', 13, 8],
    [0, 1, 10, 9],
    [3, 0, 13, 10],
    [0, 0, 10, 9],
  ])('stays within maxSurge %s and maxUnavailable %s', async (maxSurge, maxUnavailable, most, fewest) => {
    const rollingUpdate = { maxSurge, maxUnavailable } as never
    await using h = await start(web({ replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate } }))
    await settle(h)
    let peak = 0
    let low = Infinity
    const watching = h.informers.for(pods)
    watching.handle({
      add: () => (peak = Math.max(peak, watching.lister.size)),
      update: () => count(),
      delete: () => count(),
    })
    const count = () =>
      (low = Math.min(low, watching.lister.list().filter((p) => p.status?.phase === 'Running').length))
    image(h, 'v2')
    await settle(h)
    expect(sets(h)).toEqual(['1: v1 0', '2: v2 10'])
    expect(peak).toBeLessThanOrEqual(most)
    expect(low).toBeGreaterThanOrEqual(fewest)
  })

  it('stalls at a broken image without losing capacity, and says so at the deadline', async () => {
    await using h = await start(web({ replicas: 4, progressDeadlineSeconds: 60 }))
    await settle(h)
    image(h, 'broken')
    await settle(h)
    expect(sets(h)).toEqual(['1: v1 3', '2: broken 2'])
    expect(reason(h, 'Progressing')).toBe('True ReplicaSetUpdated')
    await h.run(61_000)
    expect(reason(h, 'Progressing')).toBe('False ProgressDeadlineExceeded')
    expect([reason(h, 'Available'), read(h).status?.availableReplicas]).toEqual(['True MinimumReplicasAvailable', 3])
    image(h, 'v3')
    await settle(h)
    expect([reason(h, 'Progressing'), sets(h).at(-1)]).toEqual(['True NewReplicaSetAvailable', '3: v3 4'])
  })

  it('rolls over: a template that comes before the last one finished starts at once', async () => {
    await using h = await start(web({ replicas: 10 }))
    await settle(h)
    image(h, 'broken')
    await settle(h)
    image(h, 'v3')
    await settle(h)
    expect(sets(h)).toEqual(['1: v1 0', '2: broken 0', '3: v3 10'])
  })

  it('waits for the old pods to be gone with Recreate', async () => {
    await using h = await start(web({ replicas: 2, strategy: { type: 'Recreate' } }))
    await settle(h)
    for (const { metadata } of h.client.stored(pods))
      h.client.change(pods, { namespace: 'default', name: metadata!.name! }, (p) => (p.spec!.nodeName = 'n'))
    image(h, 'v2')
    await h.run(5_000)
    expect(sets(h)).toEqual(['1: v1 0'])
    for (const { metadata } of h.client.stored(pods))
      h.client.remove(pods, { namespace: 'default', name: metadata!.name! })
    await settle(h)
    expect(sets(h)).toEqual(['1: v1 0', '2: v2 2'])
  })
})

describe('revisions', () => {
  it('gives a set that is rolled back to the next revision and remembers its old one', async () => {
    await using h = await start(web())
    await settle(h)
    image(h, 'v2')
    await settle(h)
    image(h, 'v1')
    await settle(h)
    expect(sets(h)).toEqual(['2: v2 0', '3: v1 1'])
    const set = h.client.stored(replicaSets).find((s) => revision(s) === 3)
    expect(set?.metadata?.annotations?.['deployment.kubernetes.io/revision-history']).toBe('1')
    expect(read(h).metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('3')
  })

  it('deletes the oldest sets beyond revisionHistoryLimit', async () => {
    await using h = await start(web({ revisionHistoryLimit: 1 }))
    for (const next of ['v1', 'v2', 'v3', 'v4']) {
      image(h, next)
      await settle(h)
    }
    expect(sets(h)).toEqual(['3: v3 0', '4: v4 1'])
  })
})

describe('scaling', () => {
  it('scales the only active set and keeps the revision', async () => {
    await using h = await start(web({ replicas: 2 }))
    await settle(h)
    edit(h, (spec) => (spec.replicas = 20))
    await settle(h)
    expect(sets(h)).toEqual(['1: v1 20'])
    expect(h.events().at(-1) ?? '').toMatch(/from 2 to 20|Created pod/)
  })

  it('spreads a scaling in the middle of a rollout over old and new in proportion', async () => {
    await using h = await start(
      web({
        replicas: 10,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3 as never, maxUnavailable: 2 as never } },
      }),
    )
    await settle(h)
    image(h, 'broken')
    await settle(h)
    expect(sets(h)).toEqual(['1: v1 8', '2: broken 5'])
    edit(h, (spec) => (spec.replicas = 15))
    await settle(h)
    expect(sets(h)).toEqual(['1: v1 11', '2: broken 7'])
  })

  it('scales while paused, but does not roll', async () => {
    await using h = await start(web({ replicas: 2 }))
    await settle(h)
    edit(h, (spec) => (spec.paused = true))
    await settle(h)
    expect(reason(h, 'Progressing')).toBe('Unknown DeploymentPaused')
    image(h, 'v2')
    edit(h, (spec) => (spec.replicas = 4))
    await settle(h)
    expect(sets(h)).toEqual(['1: v1 4'])
    edit(h, (spec) => delete (spec as { paused?: boolean }).paused)
    await settle(h)
    expect(sets(h)).toEqual(['1: v1 0', '2: v2 4'])
    expect(reason(h, 'Progressing')).toBe('True NewReplicaSetAvailable')
  })

  it('goes to zero and back', async () => {
    await using h = await start(web({ replicas: 3 }))
    await settle(h)
    edit(h, (spec) => (spec.replicas = 0))
    await settle(h)
    expect([sets(h), h.client.stored(pods).length]).toEqual([['1: v1 0'], 0])
    edit(h, (spec) => (spec.replicas = 1))
    await settle(h)
    expect(sets(h)).toEqual(['1: v1 1'])
  })
})

describe('owning and failing', () => {
  it('shows the failure of a set as its own', async () => {
    await using h = await start()
    h.client.react('create', 'pods', () => {
      throw forbidden(pods, '', 'exceeded quota')
    })
    h.client.seed(web())
    await h.run(1000)
    expect(reason(h, 'ReplicaFailure')).toBe('True FailedCreate')
  })
})
