import type { ControllerRevision, DaemonSet } from 'kubernetes-types/apps/v1'
import type { Pod, Taint } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { controllerRevisions, daemonSets, nodes, pods } from '#shared/kube/resources.ts'
import { forbidden } from '#shared/kube/status.ts'
import { daemonSet, node, pod, readyStatus } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { withRestarts } from '../framework/testing/restarts.ts'
import { daemonSetController } from './controller.ts'
import { daemonTolerations } from './nodes.ts'
import { targetNode } from './pod.ts'

type Spec = NonNullable<DaemonSet['spec']>

const start = (...objects: KubeObject[]) => harness((parts) => [daemonSetController(parts)], objects)
const key = (name: string) => ({ namespace: 'default', name })
const agent = (spec: Partial<Spec> = {}) => {
  const base = daemonSet('agent')
  return { ...base, spec: { ...base.spec!, ...spec } }
}
const three = () => ['a', 'b', 'c'].map((name) => node(name))
const rolling = (rollingUpdate: object) => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } })
const withPodSpec = (more: Partial<NonNullable<Pod['spec']>>, spec: Partial<Spec> = {}) => {
  const set = agent(spec)
  return {
    ...set,
    spec: { ...set.spec, template: { ...set.spec.template, spec: { ...set.spec.template.spec!, ...more } } },
  }
}

const read = (h: Harness) => h.client.find(daemonSets, key('agent'))!
const podsOf = (h: Harness) => h.client.stored(pods)
/** Images by node, those on their way out in brackets. */
const layout = (h: Harness) =>
  podsOf(h)
    .map((p) => {
      const text = `${targetNode(p)}: ${p.spec!.containers[0]!.image}`
      return p.metadata?.deletionTimestamp ? `(${text})` : text
    })
    .sort()
const writesTo = (h: Harness, verb: 'create' | 'delete', resource = 'pods') =>
  h.client.writes(verb).filter((action) => action.resource === resource)
const edit = (h: Harness, change: (spec: Spec) => void) =>
  h.client.change(daemonSets, key('agent'), (set) => {
    change(set.spec!)
    Object.assign(set.metadata!, { generation: (set.metadata!.generation ?? 0) + 1 })
  })
const image = (h: Harness, to: string) => edit(h, (spec) => (spec.template.spec!.containers[0]!.image = to))
const bind = (h: Harness, p: Pod) =>
  h.client.change(pods, key(p.metadata!.name!), (found) =>
    Object.assign(found, {
      spec: { ...found.spec, nodeName: targetNode(found)! },
      status: readyStatus(new Date(h.clock.now()).toISOString()),
    }),
  )
const taint = (h: Harness, name: string, ...taints: Taint[]) =>
  h.client.change(nodes, { name }, (found) => Object.assign(found, { spec: { taints } }))

/** Plays scheduler and node agents for a while. */
async function settle(h: Harness, broken = 'broken', rounds = 15): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await h.run(1000)
    for (const p of podsOf(h)) {
      if (p.metadata?.deletionTimestamp && !p.metadata.finalizers) h.client.remove(pods, key(p.metadata.name!))
      else if (p.status?.phase === 'Pending' && p.spec?.containers[0]?.image !== broken) bind(h, p)
    }
  }
}

describe('placing', () => {
  it('makes one pod for each node, which the scheduler can bind to no other', async () => {
    const preferred = [{ weight: 1, preference: { matchExpressions: [{ key: 'x', operator: 'Exists' }] } }]
    const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] }] }
    const nodeAffinity = {
      preferredDuringSchedulingIgnoredDuringExecution: preferred,
      requiredDuringSchedulingIgnoredDuringExecution: required,
    }
    const ssd = (name: string) => node(name, { metadata: { labels: { disk: 'ssd' } } })
    await using h = await start(ssd('a'), ssd('b'), node('c'), withPodSpec({ affinity: { nodeAffinity } }))
    expect(layout(h)).toEqual(['a: v1', 'b: v1'])
    expect(podsOf(h).find((p) => targetNode(p) === 'a')).toMatchObject({
      metadata: { generateName: 'agent-', ownerReferences: [{ kind: 'DaemonSet', name: 'agent', controller: true }] },
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: preferred,
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }],
            },
          },
        },
      },
    })
  })

  it('labels pods with the hash of the revision, and with the generation of the template where there is one', async () => {
    const set = agent()
    const annotations = { 'deprecated.daemonset.template.generation': '7' }
    await using h = await start(node('a'), { ...set, metadata: { ...set.metadata, annotations } })
    const revision = h.client.stored(controllerRevisions)[0]!
    expect(podsOf(h)[0]?.metadata?.labels).toEqual({
      app: 'agent',
      'controller-revision-hash': revision.metadata!.labels!['controller-revision-hash'],
      'pod-template-generation': '7',
    })
    expect(revision).toMatchObject({
      metadata: { name: `agent-${revision.metadata!.labels!['controller-revision-hash']}`, annotations },
      data: { spec: { template: { ...set.spec.template, $patch: 'replace' } } },
    })
  })

  it('follows nodes: those that come, those that are relabelled, those that go', async () => {
    await using h = await start(node('a'), withPodSpec({ nodeSelector: { role: 'edge' } }))
    expect([layout(h), read(h).status?.desiredNumberScheduled]).toEqual([[], 0])
    h.client.seed(node('b', { metadata: { labels: { role: 'edge' } } }))
    h.client.change(nodes, { name: 'a' }, (found) => Object.assign(found.metadata!, { labels: { role: 'edge' } }))
    await settle(h)
    expect(layout(h)).toEqual(['a: v1', 'b: v1'])
    h.client.change(nodes, { name: 'a' }, (found) => Object.assign(found.metadata!, { labels: {} }))
    await settle(h)
    expect(layout(h)).toEqual(['b: v1'])
    h.client.remove(nodes, { name: 'b' })
    await h.run()
    expect(read(h).status).toMatchObject({ desiredNumberScheduled: 0 })
  })

  it('looks at no set for what a node reports of itself', async () => {
    await using h = await start(...three(), agent())
    await settle(h)
    const before = h.trace.entries().length
    let looked = 0
    h.client.react('*' as never, 'daemonsets', () => void looked++)
    h.client.change(nodes, { name: 'a' }, (found) => Object.assign(found, { status: { nodeInfo: { x: 1 } } }))
    await h.run(1000)
    expect([h.trace.entries().length, looked]).toEqual([before, 0])
  })

  it.each<[string, Partial<Taint>, string[], number]>([
    ['a taint that pods do not tolerate keeps new pods away', { effect: 'NoSchedule' }, ['a: v1', 'b: v1', 'c: v1'], 1],
    ['…and drives running pods away if it says so', { effect: 'NoExecute' }, ['b: v1', 'c: v1'], 0],
    ['…and is only a wish if it says so', { effect: 'PreferNoSchedule' }, ['a: v1', 'b: v1', 'c: v1'], 0],
  ])('%s', async (_, parts, expected, misscheduled) => {
    await using h = await start(...three(), agent())
    await settle(h)
    taint(h, 'a', { key: 'k', effect: '', ...parts } as Taint)
    await settle(h)
    expect([layout(h), read(h).status?.numberMisscheduled]).toEqual([expected, misscheduled])
  })

  it('tolerates all that befalls a node, and the lack of a network only without need of one', () => {
    const keys = (hostNetwork: boolean) =>
      daemonTolerations({ containers: [], hostNetwork }).map(({ key: name, effect }) => `${name}:${effect}`)
    const always = [
      'node.kubernetes.io/not-ready:NoExecute',
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/disk-pressure:NoSchedule',
      'node.kubernetes.io/memory-pressure:NoSchedule',
      'node.kubernetes.io/pid-pressure:NoSchedule',
      'node.kubernetes.io/unschedulable:NoSchedule',
    ]
    expect(keys(false)).toEqual(always)
    expect(keys(true)).toEqual([...always, 'node.kubernetes.io/network-unavailable:NoSchedule'])
  })

  it('takes the time away from a toleration that a daemon has without end', () => {
    const unreachable = { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' }
    const own = [
      { key: 'mine', operator: 'Exists' },
      { ...unreachable, tolerationSeconds: 5 },
    ]
    const all = daemonTolerations({ containers: [], tolerations: own })
    expect(all.slice(0, 2)).toEqual([{ key: 'mine', operator: 'Exists' }, unreachable])
    expect(all).toHaveLength(7)
  })

  it.each([
    ['the older one', '2020-01-01T00:00:00Z', (spec: Pod['spec']) => spec, 'agent-twin'],
    ['the one that is on it', '2020-01-01T00:00:00Z', (spec: Pod['spec']) => ({ ...spec!, nodeName: '' }), 'first'],
    ['the older one', '2040-01-01T00:00:00Z', (spec: Pod['spec']) => spec, 'first'],
  ])('keeps of two pods of a node %s', async (_, creationTimestamp, change, kept) => {
    await using h = await start(node('a'), agent())
    await settle(h)
    const first = podsOf(h)[0]!
    h.client.seed({
      ...structuredClone(first),
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...first.metadata, name: 'agent-twin', uid: 'twin', creationTimestamp },
      spec: change(structuredClone(first.spec!))!,
    })
    await h.run(1000)
    const names = podsOf(h).flatMap((p) => (p.metadata?.deletionTimestamp ? [] : [p.metadata?.name]))
    const [own, twin] = [first.metadata!.name!, 'agent-twin']
    expect(names).toEqual([kept === 'first' ? own : twin])
    expect(h.events()).toContain(`SuccessfulDelete: Deleted pod: ${kept === 'first' ? twin : own}`)
  })

  it('deletes a pod that was bound for a node that is gone: nobody else would', async () => {
    await using h = await start(node('a'), node('b'), agent())
    h.client.remove(nodes, { name: 'b' })
    await h.run(1000)
    expect(layout(h)).toEqual(['a: v1'])
  })

  it('creates 1, 2, 4… at a time, at most 250 at once, and asks no more after the first failing batch', async () => {
    const many = Array.from({ length: 300 }, (_, i) => node(`n${i}`))
    await using h = await start(...many, agent())
    await h.run(100)
    const perLook: number[] = []
    let last = 0
    for (const action of h.client.actions) {
      if (action.resource === 'pods' && action.verb === 'create') last++
      if (action.resource === 'daemonsets' && action.verb === 'update') perLook.push(last)
    }
    expect([perLook[0], writesTo(h, 'create').length]).toEqual([250, 300])

    await using refused = await start(...many)
    let calls = 0
    let untilStatus = 0
    refused.client.react('update', 'daemonsets', () => void (untilStatus ||= calls))
    refused.client.react('create', 'pods', () => {
      if (++calls > 3) throw forbidden(pods, '', 'exceeded quota')
    })
    refused.client.seed(agent())
    await refused.run(1)
    expect(untilStatus).toBe(7)
    expect(refused.events()).toContain('FailedCreate: Error creating: pods is forbidden: exceeded quota')
  })

  it('refuses a selector that selects everything', async () => {
    await using h = await start(node('a'), agent({ selector: {} }))
    expect([podsOf(h), h.events()]).toEqual([
      [],
      ['SelectingAll: This daemon set is selecting all pods. A non-empty selector is required.'],
    ])
  })
})

describe('pods that end', () => {
  const end = (h: Harness, phase: string) => {
    const { name } = podsOf(h)[0]!.metadata!
    h.client.change(pods, key(name!), (p) => Object.assign(p, { status: { phase } }))
    return name
  }

  it('are replaced, and it is said why', async () => {
    await using h = await start(node('a'), agent())
    await settle(h)
    const failed = end(h, 'Failed')
    await settle(h)
    const succeeded = end(h, 'Succeeded')
    await settle(h)
    expect(layout(h)).toEqual(['a: v1'])
    expect(h.events()).toEqual(
      expect.arrayContaining([
        `FailedDaemonPod: Found failed daemon pod default/${failed} on node a, will try to kill it`,
        `SucceededDaemonPod: Found succeeded daemon pod default/${succeeded} on node a, will try to delete it`,
      ]),
    )
  })

  it('are replaced ever more slowly where they fail over and over: after 0, 1, 2, 4… seconds', async () => {
    await using h = await start(node('a'), agent())
    const at: number[] = []
    const began = h.clock.now()
    h.client.react('delete', 'pods', () => void at.push(Math.round((h.clock.now() - began) / 1000)))
    for (let i = 0; i < 400; i++) {
      for (const p of podsOf(h))
        if (p.status?.phase !== 'Failed')
          h.client.change(pods, key(p.metadata!.name!), (found) =>
            Object.assign(found, { status: { phase: 'Failed' } }),
          )
      await h.run(100)
    }
    expect(at).toEqual([0, 1, 3, 7, 15, 31])
  })

  it('hold up no other when they are deleted and a finalizer keeps them', async () => {
    await using h = await start(node('a'), agent())
    await settle(h)
    const { name } = podsOf(h)[0]!.metadata!
    h.client.change(pods, key(name!), (p) =>
      Object.assign(p, { metadata: { ...p.metadata, finalizers: ['x'] }, status: { phase: 'Failed' } }),
    )
    await settle(h)
    expect(podsOf(h).map((p) => Boolean(p.metadata?.deletionTimestamp))).toEqual([true, false])
    expect(writesTo(h, 'delete')).toHaveLength(1)
  })

  it('start with a clean record after a change of the set', async () => {
    await using h = await start(node('a'), agent())
    await settle(h)
    const fail = async () => {
      end(h, 'Failed')
      await h.run()
    }
    await fail()
    expect(podsOf(h)[0]?.status?.phase).toBe('Pending')
    await fail()
    expect(podsOf(h)[0]?.status?.phase).toBe('Failed')
    edit(h, (spec) => (spec.revisionHistoryLimit = 3))
    await h.run()
    edit(h, (spec) => (spec.revisionHistoryLimit = 4))
    await h.run()
    expect(podsOf(h)[0]?.status?.phase).toBe('Pending')
  })
})

describe('status', () => {
  it('counts nodes, not pods', async () => {
    await using h = await start(...three(), agent({ minReadySeconds: 10 }))
    for (const p of podsOf(h).slice(0, 2)) bind(h, p)
    await h.run(1000)
    expect(read(h).status).toEqual({
      desiredNumberScheduled: 3,
      currentNumberScheduled: 3,
      numberMisscheduled: 0,
      numberReady: 2,
      updatedNumberScheduled: 3,
      numberUnavailable: 3,
      observedGeneration: 1,
    })
    await h.run(10_000)
    expect(read(h).status).toMatchObject({ numberAvailable: 2, numberUnavailable: 1 })
  })

  it('keeps the conditions that somebody set', async () => {
    await using h = await start(...three(), agent())
    const conditions = [{ type: 'Checked', status: 'True' }]
    h.client.change(daemonSets, key('agent'), (set) => Object.assign(set, { status: { ...set.status, conditions } }))
    await settle(h)
    expect(read(h).status).toMatchObject({ numberReady: 3, conditions })
  })

  it('does not claim to have seen a generation while its own creations are in flight', async () => {
    await using h = await start(...three(), agent())
    await settle(h)
    h.client.react('watch', 'pods', () => 'nothing')
    h.client.closeWatches(pods)
    h.client.seed(node('d'))
    await h.run(1000)
    edit(h, (spec) => (spec.minReadySeconds = 1))
    await h.run(1000)
    expect([read(h).status?.observedGeneration, writesTo(h, 'create')]).toEqual([
      1,
      expect.objectContaining({ length: 4 }),
    ])
  })

  it('comes to rest, and then nothing more is written', async () => {
    await using h = await start(...three(), agent())
    await settle(h)
    const before = h.client.writes().length
    await h.run(3_600_000)
    expect(h.client.writes().length).toBe(before)
  })
})

describe('updating', () => {
  it('takes down no more pods than may be unavailable, and creates the new one when the old is gone', async () => {
    await using h = await start(...three(), agent(rolling({ maxUnavailable: 2, maxSurge: 0 })))
    await settle(h)
    image(h, 'v2')
    await h.run(10_000)
    expect(layout(h).filter((text) => text.startsWith('('))).toHaveLength(2)
    expect(writesTo(h, 'create')).toHaveLength(3)
    await settle(h)
    expect(layout(h)).toEqual(['a: v2', 'b: v2', 'c: v2'])
    expect(read(h).status).toMatchObject({ updatedNumberScheduled: 3, numberAvailable: 3 })
  })

  it.each([
    ['50%', 2],
    ['10%', 1],
    [0, 1],
  ])('rounds maxUnavailable %s of three nodes up to %i', async (maxUnavailable, most) => {
    await using h = await start(...three(), agent(rolling({ maxUnavailable, maxSurge: 0 })))
    await settle(h)
    image(h, 'v2')
    await h.run(10_000)
    expect(layout(h).filter((text) => text.startsWith('('))).toHaveLength(most)
  })

  it('stalls at a broken image, and replaces what is broken at once', async () => {
    await using h = await start(...three(), agent())
    await settle(h)
    image(h, 'broken')
    await settle(h)
    expect(
      layout(h)
        .map((text) => text.slice(3))
        .sort(),
    ).toEqual(['broken', 'v1', 'v1'])
    image(h, 'v3')
    await settle(h)
    expect(layout(h)).toEqual(['a: v3', 'b: v3', 'c: v3'])
  })

  it('with surge starts the new pod first, on so many nodes at once, and deletes the old one when that is available', async () => {
    await using h = await start(
      ...three(),
      agent({ ...rolling({ maxUnavailable: 0, maxSurge: 1 }), minReadySeconds: 5 }),
    )
    await settle(h)
    await h.run(10_000)
    let low = 3
    const watching = h.informers.for(pods)
    const count = () => {
      const working = watching.lister
        .list()
        .filter((p) => p.status?.phase === 'Running' && !p.metadata?.deletionTimestamp)
      low = Math.min(low, new Set(working.map(targetNode)).size)
    }
    watching.handle({ update: count, delete: count })
    image(h, 'v2')
    await h.run()
    expect(podsOf(h)).toHaveLength(4)
    const fresh = podsOf(h).find((p) => p.spec?.containers[0]?.image === 'v2')!
    bind(h, fresh)
    await h.run(4_000)
    expect(podsOf(h)).toHaveLength(4)
    await settle(h, 'broken', 40)
    expect([layout(h), low]).toEqual([['a: v2', 'b: v2', 'c: v2'], 3])
  })

  it('with surge replaces an old pod that does not work without counting it', async () => {
    await using h = await start(...three(), agent(rolling({ maxUnavailable: 0, maxSurge: 1 })))
    await settle(h)
    for (const p of podsOf(h).slice(0, 2))
      h.client.change(pods, key(p.metadata!.name!), (found) => (found.status!.conditions![0]!.status = 'False'))
    image(h, 'v2')
    await h.run()
    expect(layout(h).filter((text) => text.endsWith('v2'))).toHaveLength(3)
    await h.run(1000)
    expect(podsOf(h).filter((p) => p.metadata?.deletionTimestamp)).toHaveLength(2)
  })

  it('with surge keeps pods on nodes that are left until the new ones work', async () => {
    await using h = await start(node('a'), agent(rolling({ maxUnavailable: 0, maxSurge: 1 })))
    await settle(h)
    image(h, 'v2')
    taint(h, 'a', { key: 'k', effect: 'NoSchedule' })
    h.client.seed(node('b'))
    await h.run(1000)
    expect(layout(h)).toEqual(['a: v1', 'b: v2'])
    await settle(h)
    expect([layout(h), read(h).status?.numberMisscheduled]).toEqual([['b: v2'], 0])
  })

  it('with OnDelete is up to whoever deletes the pods', async () => {
    await using h = await start(...three(), agent({ updateStrategy: { type: 'OnDelete' } }))
    await settle(h)
    image(h, 'v2')
    await settle(h)
    expect([layout(h), read(h).status?.updatedNumberScheduled]).toEqual([['a: v1', 'b: v1', 'c: v1'], undefined])
    h.client.remove(pods, key(podsOf(h).find((p) => targetNode(p) === 'b')!.metadata!.name!))
    await settle(h)
    expect(layout(h)).toEqual(['a: v1', 'b: v2', 'c: v1'])
  })

  it('takes pods of the generation of the template for updated, whatever their hash', async () => {
    const set = agent()
    const annotations = { 'deprecated.daemonset.template.generation': '3' }
    const labels = { app: 'agent', 'pod-template-generation': '3', 'controller-revision-hash': 'of-old' }
    await using h = await start(
      node('a'),
      { ...set, metadata: { ...set.metadata, annotations } },
      pod('agent-x', { metadata: { labels }, spec: { nodeName: 'a', containers: [] }, status: readyStatus() }),
    )
    await settle(h)
    expect([podsOf(h).map((p) => p.metadata?.name), read(h).status?.updatedNumberScheduled]).toEqual([['agent-x'], 1])
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

  it('goes back to an old revision by making it the newest', async () => {
    await using h = await start(...three(), agent())
    await settle(h)
    image(h, 'v2')
    await settle(h)
    image(h, 'v1')
    await settle(h)
    expect([history(h), layout(h)]).toEqual([
      ['2: v2', '3: v1'],
      ['a: v1', 'b: v1', 'c: v1'],
    ])
  })

  it('forgets the oldest beyond the limit, but none that a pod is of', async () => {
    await using h = await start(node('a'), agent({ revisionHistoryLimit: 1, updateStrategy: { type: 'OnDelete' } }))
    await settle(h)
    for (const version of ['v2', 'v3', 'v4']) {
      image(h, version)
      await settle(h)
    }
    expect(history(h)).toEqual(['1: v1', '4: v4'])
  })

  /** Another revision of the template, newer than the set's own. */
  const again = (first: ControllerRevision) =>
    ({
      ...structuredClone(first),
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        ...first.metadata,
        name: 'agent-again',
        uid: 'again',
        labels: { app: 'agent', 'controller-revision-hash': 'again' },
      },
      revision: 5,
    }) as KubeObject

  it('keeps one of several revisions of one template, and gives it the pods of the others', async () => {
    await using h = await start(node('a'), agent())
    await settle(h)
    h.client.seed(again(h.client.stored(controllerRevisions)[0]!))
    edit(h, (spec) => (spec.minReadySeconds = 1))
    await settle(h)
    expect([history(h), podsOf(h)[0]?.metadata?.labels?.['controller-revision-hash']]).toEqual([['5: v1'], 'again'])
    expect(writesTo(h, 'delete')).toEqual([])
  })

  it('leaves a revision that somebody makes alone until something else happens', async () => {
    await using h = await start(node('a'), agent())
    await settle(h)
    h.client.seed(again(h.client.stored(controllerRevisions)[0]!))
    await h.run(60_000)
    expect(history(h)).toEqual(['1: v1', '5: v1'])
    h.client.remove(controllerRevisions, key('agent-again'))
    await settle(h)
    expect(history(h)).toEqual(['1: v1'])
  })
})

describe('owning', () => {
  it('adopts a pod that matches and is on a node, instead of creating one', async () => {
    await using h = await start(
      ...three(),
      pod('orphan', {
        metadata: { labels: { app: 'agent' } },
        spec: { nodeName: 'b', containers: [{ name: 'c', image: 'own' }] },
      }),
      agent({ updateStrategy: { type: 'OnDelete' } }),
    )
    await h.run()
    expect(layout(h)).toEqual(['a: v1', 'b: own', 'c: v1'])
    expect(h.client.find(pods, key('orphan'))?.metadata?.ownerReferences).toMatchObject([{ uid: 'agent-uid' }])
  })

  it('releases a pod whose labels no longer match, and replaces it', async () => {
    await using h = await start(node('a'), agent())
    await settle(h)
    const { name } = podsOf(h)[0]!.metadata!
    h.client.change(pods, key(name!), (p) => (p.metadata!.labels = { app: 'debug' }))
    await settle(h)
    expect(h.client.find(pods, key(name!))?.metadata?.ownerReferences ?? []).toEqual([])
    expect(podsOf(h)).toHaveLength(2)
  })

  it('touches nothing while it is being deleted', async () => {
    const set = agent()
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] }
    await using h = await start(...three(), { ...set, metadata: { ...set.metadata, ...going } })
    await h.run(10_000)
    expect(h.client.writes()).toEqual([])
  })
})

describe('stale caches and restarts', () => {
  it('never create twice while the cache lags behind', async () => {
    await using h = await start(...three())
    h.client.react('watch', 'pods', () => 'nothing')
    h.client.closeWatches(pods)
    h.client.seed(agent())
    await h.run(1000)
    edit(h, (spec) => (spec.minReadySeconds = 1))
    h.client.seed(node('d'))
    await h.run(100_000)
    expect(writesTo(h, 'create')).toHaveLength(3)
  })

  it('never delete a pod twice while the cache lags behind', async () => {
    await using h = await start(...three(), agent())
    await settle(h)
    h.client.react('watch', 'pods', () => 'nothing')
    h.client.closeWatches(pods)
    image(h, 'v2')
    await h.run(1000)
    edit(h, (spec) => (spec.minReadySeconds = 1))
    await h.run(100_000)
    expect(writesTo(h, 'delete')).toHaveLength(1)
  })

  it.each([
    ['unavailability', { maxUnavailable: 1, maxSurge: 0 }],
    ['surge', { maxUnavailable: 0, maxSurge: 1 }],
  ])('a rollout by %s comes to its end though the process dies after every write', async (_, strategy) => {
    let updated = false
    const { writes, deaths, last } = await withRestarts(
      (parts) => [daemonSetController(parts)],
      [...three(), agent(rolling(strategy))],
      (h) => {
        const all = podsOf(h)
        const going = all.filter((p) => p.metadata?.deletionTimestamp)
        for (const p of going) h.client.remove(pods, key(p.metadata!.name!))
        const waiting = all.filter((p) => !p.metadata?.deletionTimestamp && p.status?.phase === 'Pending')
        for (const p of waiting) bind(h, p)
        const rested = read(h).status?.numberAvailable === 3 && !going.length && !waiting.length
        if (rested && !updated) {
          updated = true
          image(h, 'v2')
          return true
        }
        return going.length + waiting.length > 0
      },
    )
    const left = podsOf(last)
    expect(left.map((p) => `${targetNode(p)}: ${p.spec!.containers[0]!.image}`).sort()).toEqual([
      'a: v2',
      'b: v2',
      'c: v2',
    ])
    const count = (text: string) => writes.filter((write) => write.startsWith(text)).length
    expect([count('create pods'), count('delete pods'), count('create controllerrevisions')]).toEqual([6, 3, 2])
    expect(deaths).toBeGreaterThan(10)
  })
})
