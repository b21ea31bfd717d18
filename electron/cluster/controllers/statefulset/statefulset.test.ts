import type { StatefulSet } from 'kubernetes-types/apps/v1'
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from '#shared/kube/resources.ts'
import { conflict, forbidden } from '#shared/kube/status.ts'
import { pod, readyStatus, statefulSet } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { withRestarts } from '../framework/testing/restarts.ts'
import { statefulSetController } from './controller.ts'

type Spec = NonNullable<StatefulSet['spec']>

const start = (...objects: KubeObject[]) => harness((parts) => [statefulSetController(parts)], objects)
const key = (name: string) => ({ namespace: 'default', name })
const web = (spec: Partial<Spec> = {}) => {
  const base = statefulSet('web')
  return { ...base, spec: { ...base.spec!, ...spec } }
}
const rolling = (rollingUpdate: NonNullable<Spec['updateStrategy']>['rollingUpdate']) => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: rollingUpdate! },
})
const claimTemplate = (name: string): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, labels: { tier: 'data' } },
  spec: { accessModes: ['ReadWriteOnce'] },
})

const read = (h: Harness) => h.client.find(statefulSets, key('web'))!
const podsOf = (h: Harness) => h.client.stored(pods)
const names = (h: Harness) =>
  podsOf(h)
    .map((p) => p.metadata!.name!)
    .sort()
const images = (h: Harness) =>
  Object.fromEntries(podsOf(h).map((p) => [p.metadata!.name!, p.spec!.containers[0]!.image!]))
const writesTo = (h: Harness, verb: 'create' | 'delete' | 'update' | 'patch', resource: string) =>
  h.client.writes(verb).filter((action) => action.resource === resource)
const edit = (h: Harness, change: (spec: Spec) => void) =>
  h.client.change(statefulSets, key('web'), (set) => {
    change(set.spec!)
    Object.assign(set.metadata!, { generation: (set.metadata!.generation ?? 0) + 1 })
  })
const image = (h: Harness, to: string) => edit(h, (spec) => (spec.template.spec!.containers[0]!.image = to))
const makeReady = (h: Harness, name: string, since = new Date(h.clock.now()).toISOString()) =>
  h.client.change(pods, key(name), (p) =>
    Object.assign(p, { spec: { ...p.spec, nodeName: 'n' }, status: readyStatus(since) }),
  )

/** Plays the node agent for a while: what is not broken becomes ready, what is to end has ended. */
async function settle(h: Harness, broken = 'broken', rounds = 15): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await h.run(1000)
    for (const { metadata, status, spec } of podsOf(h)) {
      if (metadata?.deletionTimestamp) h.client.remove(pods, key(metadata.name!))
      else if (status?.phase === 'Pending' && spec?.containers[0]?.image !== broken) makeReady(h, metadata!.name!)
    }
  }
}

describe('identity', () => {
  it('is a name, its labels, a host name below the service, and the revision', async () => {
    await using h = await start(web({ replicas: 1, ordinals: { start: 5 } }))
    const revision = h.client.stored(controllerRevisions)[0]!.metadata!.name!
    expect(podsOf(h)[0]).toMatchObject({
      metadata: {
        name: 'web-5',
        generateName: 'web-',
        labels: {
          app: 'web',
          'statefulset.kubernetes.io/pod-name': 'web-5',
          'apps.kubernetes.io/pod-index': '5',
          'controller-revision-hash': revision,
        },
        ownerReferences: [{ kind: 'StatefulSet', name: 'web', uid: 'web-uid', controller: true }],
      },
      spec: { hostname: 'web-5', subdomain: 'web' },
    })
    expect(h.events()).toEqual(['SuccessfulCreate: create Pod web-5 in StatefulSet web successful'])
  })

  it('is repaired where it can be', async () => {
    await using h = await start(web({ replicas: 1 }))
    await settle(h)
    h.client.change(pods, key('web-0'), (p) => delete p.metadata!.labels!['statefulset.kubernetes.io/pod-name'])
    await h.run(1000)
    expect(podsOf(h)[0]?.metadata?.labels).toMatchObject({ 'statefulset.kubernetes.io/pod-name': 'web-0' })
    expect(h.events()).toContain('SuccessfulUpdate: update Pod web-0 in StatefulSet web successful')
  })
})

describe('in order', () => {
  it('each pod is created when the one before it is ready', async () => {
    await using h = await start(web())
    await h.run(60_000)
    expect(names(h)).toEqual(['web-0'])
    makeReady(h, 'web-0')
    await h.run()
    expect(names(h)).toEqual(['web-0', 'web-1'])
    makeReady(h, 'web-1')
    await h.run()
    expect(names(h)).toEqual(['web-0', 'web-1', 'web-2'])
  })

  it('waits until a pod has been ready for minReadySeconds, and counts it available from then on', async () => {
    await using h = await start(web({ minReadySeconds: 10 }))
    makeReady(h, 'web-0')
    await h.run(9_000)
    expect([names(h), read(h).status?.availableReplicas]).toEqual([['web-0'], 0])
    await h.run(1_000)
    expect([names(h), read(h).status?.availableReplicas]).toEqual([['web-0', 'web-1'], 1])
  })

  it('pods are deleted from the last on, each when the one behind it is gone', async () => {
    await using h = await start(web())
    await settle(h)
    edit(h, (spec) => (spec.replicas = 1))
    await h.run(10_000)
    const going = () => podsOf(h).flatMap((p) => (p.metadata?.deletionTimestamp ? [p.metadata.name] : []))
    expect(going()).toEqual(['web-2'])
    h.client.remove(pods, key('web-2'))
    await h.run()
    expect(going()).toEqual(['web-1'])
    h.client.remove(pods, key('web-1'))
    await h.run()
    expect(names(h)).toEqual(['web-0'])
    expect(h.events()).toContain('SuccessfulDelete: delete Pod web-2 in StatefulSet web successful')
  })

  it('nothing is scaled down while a pod that stays is not ready, unless it is that one which goes', async () => {
    await using h = await start(web())
    await settle(h)
    h.client.change(pods, key('web-0'), (p) => (p.status!.conditions![0]!.status = 'False'))
    edit(h, (spec) => (spec.replicas = 2))
    await h.run(10_000)
    expect(writesTo(h, 'delete', 'pods')).toEqual([])
    h.client.change(pods, key('web-2'), (p) => (p.status!.conditions![0]!.status = 'False'))
    await h.run(1000)
    expect(writesTo(h, 'delete', 'pods')).toEqual([])
    makeReady(h, 'web-0')
    await h.run()
    expect(writesTo(h, 'delete', 'pods').map((a) => a.name)).toEqual(['web-2'])
  })

  it('does not replace a pod that is still terminating', async () => {
    await using h = await start(web({ replicas: 2 }))
    await settle(h)
    const uid = h.client.find(pods, key('web-0'))!.metadata!.uid
    await h.client.delete(pods, key('web-0'))
    await h.run(20_000)
    expect(writesTo(h, 'create', 'pods')).toHaveLength(2)
    h.client.remove(pods, key('web-0'))
    await h.run()
    expect(h.client.find(pods, key('web-0'))?.metadata?.uid).not.toBe(uid)
  })

  it.each(['Failed', 'Succeeded'])('recreates a pod that has ended: %s', async (phase) => {
    await using h = await start(web({ replicas: 1 }))
    await settle(h)
    const uid = podsOf(h)[0]?.metadata?.uid
    h.client.change(pods, key('web-0'), (p) => Object.assign(p, { status: { phase } }))
    await h.run()
    expect([names(h), podsOf(h)[0]?.metadata?.uid === uid]).toEqual([['web-0'], false])
    expect(writesTo(h, 'delete', 'pods')).toHaveLength(1)
  })

  it('moves the window of ordinals by its start, one pod at a time', async () => {
    await using h = await start(web({ replicas: 2 }))
    await settle(h)
    edit(h, (spec) => (spec.ordinals = { start: 3 }))
    await settle(h)
    expect([names(h), read(h).status?.replicas]).toEqual([['web-3', 'web-4'], 2])
  })
})

describe('in parallel', () => {
  const parallel = (spec: Partial<Spec> = {}) => web({ podManagementPolicy: 'Parallel', ...spec })

  it('creates and deletes all at once', async () => {
    await using h = await start(parallel({ replicas: 5 }))
    expect(names(h)).toHaveLength(5)
    edit(h, (spec) => (spec.replicas = 0))
    await h.run()
    expect(podsOf(h)).toEqual([])
  })

  it('creates 1, 2, 4… at a time, and asks no more after the first failing batch', async () => {
    await using h = await start()
    let calls = 0
    let callsUntilStatus = 0
    h.client.react('update', 'statefulsets', () => void (callsUntilStatus ||= calls))
    h.client.react('create', 'pods', () => {
      if (++calls > 3) throw forbidden(pods, '', 'exceeded quota')
    })
    h.client.seed(parallel({ replicas: 100 }))
    await h.run(1)
    expect(callsUntilStatus).toBe(7)
    expect(h.events()).toContain(
      'FailedCreate: create Pod web-3 in StatefulSet web failed error: pods is forbidden: exceeded quota',
    )
  })

  it('updates one at a time all the same, and replaces broken pods of the old revision', async () => {
    await using h = await start(parallel())
    await settle(h)
    image(h, 'broken')
    await settle(h)
    expect(images(h)).toEqual({ 'web-0': 'v1', 'web-1': 'v1', 'web-2': 'broken' })
    image(h, 'v3')
    await settle(h)
    expect(images(h)).toEqual({ 'web-0': 'v3', 'web-1': 'v3', 'web-2': 'v3' })
  })

  it.each([
    [2, 4, 2],
    ['50%', 4, 2],
    ['10%', 4, 1],
  ])('with maxUnavailable %s of replicas updates so many at a time', async (maxUnavailable, replicas, most) => {
    await using h = await start(parallel({ replicas, ...rolling({ partition: 0, maxUnavailable }) }))
    await settle(h)
    image(h, 'v2')
    await h.run(10_000)
    expect(podsOf(h).filter((p) => p.metadata?.deletionTimestamp)).toHaveLength(most)
    await settle(h)
    expect(new Set(Object.values(images(h)))).toEqual(new Set(['v2']))
  })

  it('with maxUnavailable does not wait for pods of the old revision that never will be ready', async () => {
    await using h = await start(parallel({ ...rolling({ partition: 0, maxUnavailable: 1 }) }))
    image(h, 'broken')
    await settle(h)
    image(h, 'v3')
    await settle(h)
    expect(new Set(Object.values(images(h)))).toEqual(new Set(['v3']))
  })
})

describe('updating', () => {
  it('goes from the last pod to the first, each when the one before it is ready again', async () => {
    await using h = await start(web())
    await settle(h)
    image(h, 'v2')
    await settle(h)
    expect(writesTo(h, 'delete', 'pods').map((a) => a.name)).toEqual(['web-2', 'web-1', 'web-0'])
    expect(images(h)).toEqual({ 'web-0': 'v2', 'web-1': 'v2', 'web-2': 'v2' })
  })

  it('tells in status how far it is, and which revisions there are', async () => {
    await using h = await start(web())
    await settle(h)
    const [first] = h.client.stored(controllerRevisions).map((r) => r.metadata!.name)
    expect(read(h).status).toEqual({
      observedGeneration: 1,
      replicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      currentReplicas: 3,
      updatedReplicas: 3,
      currentRevision: first,
      updateRevision: first,
      collisionCount: 0,
    })
    image(h, 'v2')
    await h.run()
    h.client.remove(pods, key('web-2'))
    await h.run()
    makeReady(h, 'web-2')
    await h.run()
    const second = h.client.stored(controllerRevisions).find((r) => r.metadata!.name !== first)!.metadata!.name
    expect(read(h).status).toEqual({
      observedGeneration: 2,
      replicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      currentReplicas: 1,
      updatedReplicas: 1,
      currentRevision: first,
      updateRevision: second,
      collisionCount: 0,
    })
    await settle(h)
    expect(read(h).status).toMatchObject({ currentRevision: second, currentReplicas: 3, updatedReplicas: 3 })
  })

  it('counts a pod out as soon as it is told to go', async () => {
    await using h = await start(web())
    await settle(h)
    h.client.react('watch', 'pods', () => 'nothing')
    h.client.closeWatches(pods)
    image(h, 'v2')
    await h.run(1000)
    expect(read(h).status).toMatchObject({ replicas: 3, readyReplicas: 3, currentReplicas: 2 })
  })

  it('comes after scaling', async () => {
    await using h = await start(web())
    await settle(h)
    edit(h, (spec) => {
      spec.replicas = 2
      spec.template.spec!.containers[0]!.image = 'v2'
    })
    await h.run(10_000)
    expect(writesTo(h, 'delete', 'pods').map((a) => a.name)).toEqual(['web-2'])
    await settle(h)
    expect(images(h)).toEqual({ 'web-0': 'v2', 'web-1': 'v2' })
  })

  it('halts at the partition, below which pods come back as they were', async () => {
    await using h = await start(web(rolling({ partition: 2 })))
    await settle(h)
    image(h, 'v2')
    await settle(h)
    expect(images(h)).toEqual({ 'web-0': 'v1', 'web-1': 'v1', 'web-2': 'v2' })
    h.client.remove(pods, key('web-0'))
    await settle(h)
    expect(images(h)).toEqual({ 'web-0': 'v1', 'web-1': 'v1', 'web-2': 'v2' })
    edit(h, (spec) => (spec.updateStrategy!.rollingUpdate = { partition: 0 }))
    await settle(h)
    expect(images(h)).toEqual({ 'web-0': 'v2', 'web-1': 'v2', 'web-2': 'v2' })
  })

  it('with OnDelete is up to whoever deletes the pods', async () => {
    await using h = await start(web({ updateStrategy: { type: 'OnDelete' } }))
    await settle(h)
    image(h, 'v2')
    await settle(h)
    expect(writesTo(h, 'delete', 'pods')).toEqual([])
    h.client.remove(pods, key('web-1'))
    await settle(h)
    expect(images(h)).toEqual({ 'web-0': 'v1', 'web-1': 'v2', 'web-2': 'v1' })
  })

  it('stops at a broken image, and stays there when the template is taken back: the pod must be deleted by hand', async () => {
    await using h = await start(web())
    await settle(h)
    image(h, 'broken')
    await settle(h)
    expect(images(h)).toEqual({ 'web-0': 'v1', 'web-1': 'v1', 'web-2': 'broken' })
    image(h, 'v1')
    await settle(h)
    expect(images(h)).toEqual({ 'web-0': 'v1', 'web-1': 'v1', 'web-2': 'broken' })
    h.client.remove(pods, key('web-2'))
    await settle(h)
    expect(images(h)).toEqual({ 'web-0': 'v1', 'web-1': 'v1', 'web-2': 'v1' })
  })

  it('never has more than one pod down, whatever comes in between', async () => {
    await using h = await start(web({ replicas: 4 }))
    await settle(h)
    let low = 4
    const watching = h.informers.for(pods)
    const count = () =>
      (low = Math.min(
        low,
        watching.lister.list().filter((p) => p.status?.phase === 'Running' && !p.metadata?.deletionTimestamp).length,
      ))
    watching.handle({ update: count, delete: count })
    image(h, 'v2')
    await settle(h, 'broken', 3)
    image(h, 'v3')
    await settle(h)
    expect([new Set(Object.values(images(h))), low]).toEqual([new Set(['v3']), 3])
  })
})

describe('history', () => {
  const history = (h: Harness) =>
    h.client
      .stored(controllerRevisions)
      .sort((a, b) => a.revision - b.revision)
      .map(({ revision, data }) => {
        const { spec } = data as { spec: { template: Pod } }
        return `${revision}: ${spec.template.spec!.containers[0]!.image}`
      })

  it('keeps each template as a patch that replaces the template, with the annotations of the set', async () => {
    const set = web()
    await using h = await start({
      ...set,
      metadata: { ...set.metadata, annotations: { 'kubernetes.io/change-cause': 'first' } },
    })
    const [revision] = h.client.stored(controllerRevisions)
    expect(revision).toMatchObject({
      metadata: {
        annotations: { 'kubernetes.io/change-cause': 'first' },
        labels: { app: 'web', 'controller.kubernetes.io/hash': revision!.metadata!.name!.slice('web-'.length) },
        ownerReferences: [{ kind: 'StatefulSet', name: 'web', controller: true, blockOwnerDeletion: true }],
      },
      data: { spec: { template: { ...set.spec.template, $patch: 'replace' } } },
      revision: 1,
    })
  })

  it('makes an old revision the newest when the set goes back to its template', async () => {
    await using h = await start(web())
    await settle(h)
    image(h, 'v2')
    await settle(h)
    image(h, 'v1')
    await settle(h)
    expect([history(h), new Set(Object.values(images(h)))]).toEqual([['2: v2', '3: v1'], new Set(['v1'])])
  })

  it('makes no revision of a template that differs only in what is absent, null or empty', async () => {
    await using h = await start(web())
    await settle(h)
    edit(h, (spec) => {
      Object.assign(spec.template.metadata!, { creationTimestamp: null })
      spec.template.spec!.volumes = []
    })
    await settle(h)
    expect([history(h), writesTo(h, 'delete', 'pods')]).toEqual([['1: v1'], []])
  })

  it('forgets the oldest revisions beyond the limit, but none that a pod is of', async () => {
    await using h = await start(web({ revisionHistoryLimit: 1, ...rolling({ partition: 2 }) }))
    await settle(h)
    for (const version of ['v2', 'v3', 'v4', 'v5']) {
      image(h, version)
      await settle(h)
    }
    expect(history(h)).toEqual(['1: v1', '4: v4', '5: v5'])
  })

  it.each([
    ['of another template', 'else', undefined],
    ['of the same template, but of another owner', 'v1', 'another'],
  ])('counts a collision with a revision %s once, and finds another name', async (_, content, owner) => {
    await using h = await start(web({ replicas: 1 }))
    await settle(h)
    const { name } = h.client.stored(controllerRevisions)[0]!.metadata!
    const reference = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'web', uid: owner!, controller: true }
    const template = web().spec.template
    await using other = await start({
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: { name: name!, namespace: 'default', ...(owner ? { ownerReferences: [reference] } : {}) },
      data: { spec: { template: { ...template, spec: { containers: [{ name: 'c', image: content }] } } } },
      revision: 1,
    } as KubeObject)
    other.client.seed(web({ replicas: 1 }))
    await settle(other)
    expect(read(other).status?.collisionCount).toBe(1)
    expect(other.client.stored(controllerRevisions)).toHaveLength(2)
    expect(names(other)).toEqual(['web-0'])
  })

  it('adopts revisions of a set of the same name that was deleted and orphaned them', async () => {
    await using h = await start(web({ replicas: 1 }))
    await settle(h)
    h.client.change(
      controllerRevisions,
      key(h.client.stored(controllerRevisions)[0]!.metadata!.name!),
      (revision) => delete revision.metadata!.ownerReferences,
    )
    await h.run()
    expect(h.client.stored(controllerRevisions)[0]?.metadata?.ownerReferences).toMatchObject([{ uid: 'web-uid' }])
    expect(history(h)).toEqual(['1: v1'])
  })
})

describe('owning', () => {
  it('adopts an orphan of a name and labels of its own, and repairs its labels but not its host name', async () => {
    await using h = await start(
      web({ replicas: 1 }),
      pod('web-0', {
        metadata: { labels: { app: 'web' } },
        spec: { hostname: 'mine', containers: [] },
        status: readyStatus(),
      }),
    )
    await h.run(1000)
    const labels = h.client.find(pods, key('web-0'))?.metadata?.labels
    expect(labels).toMatchObject({ 'statefulset.kubernetes.io/pod-name': 'web-0', 'apps.kubernetes.io/pod-index': '0' })
    const patched = h.client.writes('patch').filter((a) => a.resource === 'pods')
    expect(patched.map((a) => a.name)).toEqual(['web-0'])
    expect(h.client.writes('update').find((a) => a.resource === 'pods')?.body).toMatchObject({
      spec: { hostname: 'mine' },
    })
  })

  it('adopts nothing of another name, though it matches the selector', async () => {
    const labels = { app: 'web' }
    await using h = await start(
      web({ replicas: 1 }),
      ...['other-0', 'web-x', 'web-01', 'web'].map((name) => pod(name, { metadata: { labels } })),
    )
    await settle(h)
    expect(
      podsOf(h)
        .filter((p) => p.metadata?.ownerReferences?.length)
        .map((p) => p.metadata?.name),
    ).toEqual(['web-0'])
    expect(podsOf(h)).toHaveLength(5)
  })

  it('waits while a pod that it does not own has the name, and says nothing', async () => {
    await using h = await start(web({ replicas: 1 }), pod('web-0', { metadata: { labels: { app: 'else' } } }))
    await h.run(5_000)
    expect([writesTo(h, 'delete', 'pods'), h.events()]).toEqual([[], []])
    h.client.remove(pods, key('web-0'))
    await h.run(30_000)
    expect(podsOf(h)[0]?.metadata?.ownerReferences).toMatchObject([{ uid: 'web-uid' }])
  })

  it('releases a pod whose labels no longer match, and makes its place free only when it is gone', async () => {
    await using h = await start(web({ replicas: 1 }))
    await settle(h)
    h.client.change(pods, key('web-0'), (p) => (p.metadata!.labels = { app: 'debug' }))
    await h.run(1000)
    expect(h.client.find(pods, key('web-0'))?.metadata?.ownerReferences ?? []).toEqual([])
    h.client.remove(pods, key('web-0'))
    await h.run(30_000)
    expect(podsOf(h)[0]?.metadata?.labels).toMatchObject({ app: 'web' })
  })

  it('does nothing but count while it is being deleted', async () => {
    const set = web()
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] }
    await using h = await start(
      { ...set, metadata: { ...set.metadata, ...going } },
      pod('web-0', { metadata: { labels: { app: 'web' } } }),
    )
    await h.run(10_000)
    expect(new Set(h.client.writes().map((a) => `${a.verb} ${a.resource}`))).toEqual(new Set(['update statefulsets']))
  })
})

describe('claims', () => {
  const withData = (spec: Partial<Spec> = {}) => web({ volumeClaimTemplates: [claimTemplate('data')], ...spec })
  const owners = (h: Harness) =>
    Object.fromEntries(
      h.client
        .stored(persistentVolumeClaims)
        .map((c) => [c.metadata!.name!, (c.metadata?.ownerReferences ?? []).map((r) => `${r.kind} ${r.name}`).join()]),
    )

  it('come before their pod, named after template, set and ordinal, and outlive it', async () => {
    await using h = await start(withData({ replicas: 2 }))
    await settle(h)
    expect(
      h.client
        .writes('create')
        .map((a) => a.name)
        .filter((name) => name.endsWith('-0')),
    ).toEqual(['data-web-0', 'web-0'])
    expect(h.client.find(persistentVolumeClaims, key('data-web-1'))?.metadata).toMatchObject({
      labels: { tier: 'data', app: 'web' },
    })
    expect(h.client.find(pods, key('web-1'))?.spec?.volumes).toEqual([
      { name: 'data', persistentVolumeClaim: { claimName: 'data-web-1' } },
    ])
    expect(h.events()).toContain('SuccessfulCreate: create Claim data-web-0 Pod web-0 in StatefulSet web success')
    edit(h, (spec) => (spec.replicas = 0))
    await settle(h)
    expect(owners(h)).toEqual({ 'data-web-0': '', 'data-web-1': '' })
  })

  it('that fail keep their pod from being created, and it is said of both', async () => {
    await using h = await start()
    h.client.react('create', 'persistentvolumeclaims', () => {
      throw forbidden(persistentVolumeClaims, 'data-web-0', 'exceeded quota')
    })
    h.client.seed(withData())
    await h.run(3)
    const refused = 'persistentvolumeclaims "data-web-0" is forbidden: exceeded quota'
    expect(h.events()).toEqual([
      `FailedCreate: create Claim data-web-0 for Pod web-0 in StatefulSet web failed error: ${refused}`,
      `FailedCreate: create Pod web-0 in StatefulSet web failed error: failed to create PVC data-web-0: ${refused}`,
    ])
    expect(names(h)).toEqual([])
  })

  it('that were deleted come back while their pod is pending', async () => {
    await using h = await start(withData({ replicas: 1 }))
    h.client.remove(persistentVolumeClaims, key('data-web-0'))
    await h.run(1000)
    expect(owners(h)).toEqual({ 'data-web-0': '' })
  })

  it('that are still going hold up their pod', async () => {
    await using h = await start({
      ...claimTemplate('data'),
      metadata: {
        name: 'data-web-0',
        namespace: 'default',
        deletionTimestamp: '2026-01-01T00:00:00Z',
        finalizers: ['x'],
      },
    })
    h.client.seed(withData({ replicas: 1 }))
    await h.run(3)
    expect(h.events()).toEqual([
      'FailedCreate: create Pod web-0 in StatefulSet web failed error: pvc data-web-0 is being deleted',
    ])
    h.client.remove(persistentVolumeClaims, key('data-web-0'))
    await h.run(1000)
    expect([names(h), owners(h)]).toEqual([['web-0'], { 'data-web-0': '' }])
  })

  it.each([
    ['Retain', 'Retain', ['', '', '']],
    ['Delete', 'Retain', ['StatefulSet web', 'StatefulSet web', 'StatefulSet web']],
    ['Retain', 'Delete', ['', '', 'Pod web-2']],
    ['Delete', 'Delete', ['StatefulSet web', 'StatefulSet web', 'Pod web-2']],
  ])('whenDeleted %s, whenScaled %s: belong to whom they go with', async (whenDeleted, whenScaled, expected) => {
    await using h = await start(withData({ persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } }))
    await settle(h)
    edit(h, (spec) => (spec.replicas = 2))
    await h.run(1000)
    expect(Object.values(owners(h))).toEqual(expected)
    expect(podsOf(h).find((p) => p.metadata?.name === 'web-2')?.metadata?.deletionTimestamp).toBeDefined()
  })

  it('get new owners when the policy changes', async () => {
    await using h = await start(withData({ replicas: 1 }))
    await settle(h)
    edit(h, (spec) => (spec.persistentVolumeClaimRetentionPolicy = { whenDeleted: 'Delete', whenScaled: 'Retain' }))
    await settle(h)
    expect(owners(h)).toEqual({ 'data-web-0': 'StatefulSet web' })
    edit(h, (spec) => delete spec.persistentVolumeClaimRetentionPolicy)
    await settle(h)
    expect(owners(h)).toEqual({ 'data-web-0': '' })
  })

  it('of a pod that was scaled away are waited for, or the new pod would lose its data', async () => {
    const policy = { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Delete' } }
    await using h = await start(withData({ replicas: 1, ...policy }))
    await settle(h)
    edit(h, (spec) => (spec.replicas = 0))
    await settle(h)
    expect(owners(h)).toEqual({ 'data-web-0': 'Pod web-0' })
    edit(h, (spec) => (spec.replicas = 1))
    await settle(h)
    expect(names(h)).toEqual([])
    h.client.remove(persistentVolumeClaims, key('data-web-0'))
    await settle(h)
    expect([names(h), owners(h)]).toEqual([['web-0'], { 'data-web-0': '' }])
  })

  it('that another controls are left to it, and that is said', async () => {
    const policy = { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' } }
    await using h = await start(withData({ replicas: 1, ...policy }))
    await settle(h)
    h.client.change(persistentVolumeClaims, key('data-web-0'), (c) =>
      c.metadata!.ownerReferences!.push({ apiVersion: 'v1', kind: 'Thing', name: 't', uid: 't', controller: true }),
    )
    await settle(h)
    expect(owners(h)).toEqual({ 'data-web-0': 'Thing t' })
    expect(h.events().join()).toContain('ConflictingController: PersistentVolumeClaim data-web-0 has a conflicting')
  })
})

describe('stale caches and restarts', () => {
  const blind = (h: Harness) => {
    const see = h.client.react('watch', 'pods', () => 'nothing')
    h.client.closeWatches(pods)
    return see
  }

  it('never create a pod twice while the cache lags behind', async () => {
    await using h = await start()
    blind(h)
    h.client.seed(web({ podManagementPolicy: 'Parallel' }))
    await h.run(1000)
    edit(h, (spec) => (spec.minReadySeconds = 1))
    await h.run(100_000)
    expect(writesTo(h, 'create', 'pods')).toHaveLength(3)
  })

  it('never kill the pod that came in the place of one that was killed', async () => {
    await using h = await start(web())
    await settle(h)
    const see = blind(h)
    image(h, 'v2')
    await h.run(1000)
    h.client.remove(pods, key('web-2'))
    const fresh = pod('web-2', { metadata: { uid: 'fresh', labels: { app: 'web' } }, status: readyStatus() })
    h.client.seed(fresh)
    edit(h, (spec) => (spec.minReadySeconds = 1))
    await h.run(100_000)
    expect(writesTo(h, 'delete', 'pods')).toHaveLength(1)
    see()
    expect(h.client.find(pods, key('web-2'))?.metadata?.uid).toBe('fresh')
  })

  it('kill only the pod that they saw: after a restart the cache may show one that is gone', async () => {
    await using h = await start()
    let asked: unknown
    h.client.react('delete', 'pods', ({ options }) => void (asked ??= options))
    h.client.seed(pod('web-0', { metadata: { labels: { app: 'web' } }, status: { phase: 'Failed' } }))
    h.client.seed(web({ replicas: 1 }))
    await h.run(1000)
    expect(asked).toMatchObject({ preconditions: { uid: 'web-0-uid' } })
  })

  it('say nothing of a kill that came too late: the pod was another by then', async () => {
    await using h = await start()
    h.client.react('delete', 'pods', () => {
      throw conflict(pods, 'web-0', 'the UID in the precondition does not match')
    })
    h.client.seed(pod('web-0', { metadata: { labels: { app: 'web' } }, status: { phase: 'Failed' } }))
    h.client.seed(web({ replicas: 1 }))
    await h.run(1000)
    expect(h.events()).toEqual([])
  })

  it.each(['OrderedReady', 'Parallel'])(
    'a rollout, a rollback and an end come about though the process dies after every write: %s',
    async (podManagementPolicy) => {
      const scenes = [
        (h: Harness) => image(h, 'v2'),
        (h: Harness) => image(h, 'v1'),
        (h: Harness) => edit(h, (spec) => (spec.replicas = 0)),
      ]
      const data = { volumeClaimTemplates: [claimTemplate('data')] }
      const policy = { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' } }
      const { writes, deaths, last } = await withRestarts(
        (parts) => [statefulSetController(parts)],
        [web({ podManagementPolicy, ...data, ...policy })],
        (h) => {
          const going = podsOf(h).filter((p) => p.metadata?.deletionTimestamp)
          for (const p of going) h.client.remove(pods, key(p.metadata!.name!))
          const waiting = podsOf(h).filter((p) => p.status?.phase === 'Pending')
          for (const p of waiting) makeReady(h, p.metadata!.name!)
          const { status, spec, metadata } = read(h)
          const rested =
            status?.observedGeneration === metadata?.generation &&
            status?.updatedReplicas === spec?.replicas &&
            status?.currentRevision === status?.updateRevision
          if (!going.length && !waiting.length && rested && scenes.length) return Boolean(scenes.shift()!(h))
          return going.length + waiting.length > 0
        },
      )
      const count = (text: string) => writes.filter((write) => write.startsWith(text)).length
      expect([count('create pods'), count('delete pods')]).toEqual([9, 9])
      expect([count('create persistentvolumeclaims'), count('create controllerrevisions')]).toEqual([3, 2])
      expect([deaths > 20, podsOf(last).length]).toEqual([true, 0])
    },
  )
})
