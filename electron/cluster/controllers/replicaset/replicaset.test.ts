import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject, OwnerReference } from '#shared/kube/object.ts'
import { pods, replicaSets } from '#shared/kube/resources.ts'
import { forbidden, statusFailure } from '#shared/kube/status.ts'
import { pod, readyStatus, replicaSet } from '../framework/testing/builders.ts'
import { harness } from '../framework/testing/harness.ts'
import { replicaSetController } from './controller.ts'
import { podsToDelete } from '../framework/replicas/ranking.ts'

const start = (...objects: KubeObject[]) => harness((parts) => [replicaSetController(parts)], objects)
const key = (name: string) => ({ namespace: 'default', name })
const ownedBy = (name: string, uid = `${name}-uid`): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name,
  uid,
  controller: true,
  blockOwnerDeletion: true,
})
const child = (name: string, set: string, parts: Partial<Pod> = {}) =>
  pod(name, { ...parts, metadata: { labels: { app: set }, ownerReferences: [ownedBy(set)], ...parts.metadata } })
const status = (h: Awaited<ReturnType<typeof start>>) =>
  h.client.find(replicaSets, key('web'))?.status as Record<string, unknown> | undefined

describe('creating', () => {
  it('creates pods from the template, generated names and a controlling owner reference', async () => {
    await using h = await start(replicaSet('web', { spec: { replicas: 3, selector: {} } }))
    await h.run()
    const created = h.client.stored(pods)
    expect(created).toHaveLength(3)
    expect(created[0]).toMatchObject({ metadata: { generateName: 'web-', ownerReferences: [ownedBy('web')] } })
  })

  it('reports what it sees in status, at the generation it saw', async () => {
    await using h = await start(
      replicaSet('web', {
        spec: {
          replicas: 2,
          minReadySeconds: 0,
          selector: { matchLabels: { app: 'web' } },
          template: { metadata: { labels: { app: 'web', tier: 'x' } } },
        },
      }),
      child('a', 'web', { status: readyStatus(), metadata: { labels: { app: 'web', tier: 'x' } } }),
      child('b', 'web'),
    )
    expect(status(h)).toMatchObject({
      replicas: 2,
      fullyLabeledReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      terminatingReplicas: 0,
      observedGeneration: 1,
    })
  })

  it('creates 1, 2, 4… at a time, and asks no more after the first failing batch', async () => {
    await using h = await start()
    let calls = 0
    let callsUntilStatus = 0
    h.client.react('update', 'replicasets', () => void (callsUntilStatus ||= calls))
    h.client.react('create', 'pods', () => {
      if (++calls > 3) throw forbidden(pods, '', 'exceeded quota')
    })
    h.client.seed(
      replicaSet('web', {
        spec: {
          replicas: 100,
          selector: { matchLabels: { app: 'web' } },
          template: { metadata: { labels: { app: 'web' } } },
        },
      }),
    )
    await h.run(0)
    expect(callsUntilStatus).toBe(7)
    expect(status(h)).toMatchObject({
      replicas: 3,
      conditions: [
        {
          type: 'ReplicaFailure',
          status: 'True',
          reason: 'FailedCreate',
          message: 'pods is forbidden: exceeded quota',
        },
      ],
    })
    expect(h.events()).toContain('FailedCreate: Error creating: pods is forbidden: exceeded quota')
  })

  it('removes the ReplicaFailure condition when pods can be created again', async () => {
    await using h = await start()
    const allow = h.client.react('create', 'pods', () => {
      throw forbidden(pods, '', 'exceeded quota')
    })
    h.client.seed(replicaSet('web'))
    await h.run()
    expect(status(h)?.['conditions']).toHaveLength(1)
    allow()
    await h.run(60_000)
    expect([status(h)?.['replicas'], status(h)?.['conditions']]).toEqual([1, undefined])
  })

  it('takes the refusals of a namespace that is ending for no failure', async () => {
    await using h = await start()
    h.client.react('create', 'pods', () => {
      throw statusFailure(403, 'Forbidden', 'x', { causes: [{ reason: 'NamespaceTerminating' }] })
    })
    h.client.seed(replicaSet('web'))
    await h.run(10_000)
    expect(status(h)?.['conditions'] ?? []).toEqual([])
    expect(h.client.writes('create').map((a) => a.resource)).toEqual(['pods', 'pods'])
  })

  it('never creates twice while the cache lags behind its own creations', async () => {
    await using h = await start()
    h.client.seed(
      replicaSet('web', {
        spec: {
          replicas: 2,
          selector: { matchLabels: { app: 'web' } },
          template: { metadata: { labels: { app: 'web' } } },
        },
      }),
    )
    const blind = h.client.react('watch', 'pods', () => 'nothing')
    h.client.closeWatches(pods)
    await h.run(1000)
    h.client.change(replicaSets, key('web'), (set) => (set.metadata!.labels = { touched: 'yes' }))
    await h.run(1000)
    blind()
    expect(h.client.writes('create').filter((a) => a.resource === 'pods')).toHaveLength(2)
  })

  it('believes after five minutes that an event was lost, and needs no other to look again', async () => {
    await using h = await start()
    h.client.react('create', 'pods', () => ({ metadata: { name: 'lost' } }))
    h.client.seed(replicaSet('web'))
    await h.run(1000)
    expect(h.client.writes('create').filter((a) => a.resource === 'pods')).toHaveLength(1)
    await h.run(300_000)
    expect(h.client.writes('create').filter((a) => a.resource === 'pods')).toHaveLength(2)
  })
})

describe('owning', () => {
  it('adopts a matching orphan after reading the set live, instead of creating a pod', async () => {
    await using h = await start(replicaSet('web'), pod('orphan', { metadata: { labels: { app: 'web' } } }))
    expect(h.client.find(pods, key('orphan'))?.metadata?.ownerReferences).toEqual([ownedBy('web')])
    expect(h.client.actions.some((a) => a.verb === 'get' && a.resource === 'replicasets')).toBe(true)
    expect(h.client.stored(pods)).toHaveLength(1)
  })

  it('adopts nothing when the set was replaced by another of the same name', async () => {
    await using h = await start()
    h.client.react('get', 'replicasets', () => replicaSet('web', { metadata: { uid: 'another' } }))
    h.client.seed(pod('orphan', { metadata: { labels: { app: 'web' } } }))
    h.client.seed(replicaSet('web'))
    await h.run()
    expect(h.client.find(pods, key('orphan'))?.metadata?.ownerReferences).toBeUndefined()
  })

  it('releases a pod whose labels no longer match and replaces it', async () => {
    await using h = await start(replicaSet('web'), child('a', 'web'))
    h.client.change(pods, key('a'), (p) => (p.metadata!.labels = { app: 'debug' }))
    await h.run()
    expect(h.client.find(pods, key('a'))?.metadata?.ownerReferences ?? []).toEqual([])
    expect(h.client.stored(pods)).toHaveLength(2)
  })

  it('touches no pod that another controls, nor adopts while it is being deleted', async () => {
    await using h = await start(
      replicaSet('web', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x'] } }),
      pod('orphan', { metadata: { labels: { app: 'web' } } }),
      pod('foreign', { metadata: { labels: { app: 'web' }, ownerReferences: [ownedBy('other')] } }),
    )
    await h.run(1000)
    expect(h.client.writes('patch', 'create', 'delete').filter((a) => a.resource === 'pods')).toEqual([])
  })

  it('replaces a pod that failed or is being deleted', async () => {
    await using h = await start(replicaSet('web'), child('a', 'web', { status: { phase: 'Failed' } }))
    await h.run()
    expect(h.client.stored(pods)).toHaveLength(2)
    const fresh = h.client.stored(pods).find((p) => p.metadata?.name !== 'a')!.metadata!.name!
    h.client.change(pods, key(fresh), (p) =>
      Object.assign(p.metadata!, { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 }),
    )
    await h.run()
    expect(h.client.stored(pods)).toHaveLength(3)
    expect(status(h)).toMatchObject({ replicas: 1, terminatingReplicas: 1 })
  })
})

describe('availability', () => {
  it('looks again when a ready pod has been ready for minReadySeconds', async () => {
    const spec = {
      replicas: 1,
      minReadySeconds: 10,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } } },
    }
    await using h = await start(replicaSet('web', { spec }), child('a', 'web', { status: readyStatus() }))
    expect(status(h)).toEqual({
      replicas: 1,
      fullyLabeledReplicas: 1,
      readyReplicas: 1,
      observedGeneration: 1,
      terminatingReplicas: 0,
    })
    await h.run(9_000)
    expect(status(h)?.['availableReplicas']).toBeUndefined()
    await h.run(1_000)
    expect(status(h)).toMatchObject({ availableReplicas: 1 })
  })
})

describe('choosing pods to delete', () => {
  const running = (name: string, parts: Partial<Pod> = {}) =>
    pod(name, { spec: { nodeName: 'n', containers: [] }, status: readyStatus('2025-12-01T00:00:00Z'), ...parts })
  const now = Date.UTC(2026, 0, 1)
  const first = (...candidates: Pod[]) => podsToDelete(candidates, candidates, 1, now)[0]?.metadata?.name

  it.each<[string, Pod]>([
    ['unscheduled', pod('x', { status: readyStatus('2025-12-01T00:00:00Z') })],
    ['pending', running('x', { status: { ...readyStatus('2025-12-01T00:00:00Z'), phase: 'Pending' } })],
    ['not ready', running('x', { status: { phase: 'Running' } })],
    ['cheap', running('x', { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-5' } } })],
    ['ready for a shorter time', running('x', { status: readyStatus('2025-12-31T23:59:00Z') })],
    [
      'more often restarted',
      running('x', {
        status: {
          ...readyStatus('2025-12-01T00:00:00Z'),
          containerStatuses: [{ name: 'c', image: '', imageID: '', ready: true, restartCount: 3 }],
        },
      }),
    ],
    ['younger', running('x', { metadata: { creationTimestamp: '2025-12-31T23:00:00Z' } })],
  ])('prefers the %s pod', (_, preferred) => {
    const other = running('y', { metadata: { creationTimestamp: '2025-06-01T00:00:00Z' } })
    expect([first(preferred, other), first(other, preferred)]).toEqual(['x', 'x'])
  })

  it('prefers pods on nodes with more pods of the same deployment', () => {
    const crowded = running('x', { spec: { nodeName: 'full', containers: [] } })
    const alone = running('y')
    const related = [crowded, running('z', { spec: { nodeName: 'full', containers: [] } }), alone]
    expect(podsToDelete([alone, crowded], related, 1, now)[0]?.metadata?.name).toBe('x')
  })

  it('takes ages of the same magnitude for equal, so that uids decide', () => {
    const a = running('a', { metadata: { creationTimestamp: '2025-12-30T00:00:00Z' } })
    const b = running('b', { metadata: { creationTimestamp: '2025-12-30T01:00:00Z' } })
    expect(first(b, a)).toBe('a')
  })

  it('scales down through the controller, deleting each pod once', async () => {
    const set = replicaSet('web', {
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } } },
      },
    })
    await using h = await start(set, child('a', 'web', { status: readyStatus() }), child('b', 'web'), child('c', 'web'))
    await h.run()
    expect(h.client.stored(pods).map((p) => p.metadata?.name)).toEqual(['a'])
    expect(h.client.writes('delete')).toHaveLength(2)
    expect(h.events()).toContain('SuccessfulDelete: Deleted pod: b')
  })
})

it('traces each pod back to the event that caused it', async () => {
  await using h = await start(replicaSet('web'))
  await h.run()
  const [created] = h.client.writes('create').filter(({ resource }) => resource === 'pods')
  expect(created?.options).toMatchObject({ cause: { kind: 'ReplicaSet', name: 'web' } })
})
