import type { ConfigMap } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { configMaps } from '#shared/kube/resources.ts'
import { alreadyExists, forbidden, internal } from '#shared/kube/status.ts'
import type { KubeClient } from '../../client/api.ts'
import { harness, type Harness } from './testing/harness.ts'
import { create, event, patch, remove, type Decision, type WriteAction } from './action.ts'
import { decider, watch, type Controller } from './controller.ts'
import { Expectations } from './expectations.ts'
import { OwnWrites } from './own-writes.ts'

const map = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', uid: `${name}-uid` },
  data,
})
const key = (name: string) => ({ namespace: 'default', name })
type Parts = Pick<Harness, 'informers' | 'clock'>

/** A controller that decides the same about the config map `seed`, whatever happens to it. */
const controller = (parts: Parts, decide: (now: number) => Decision, more: Partial<Controller> = {}): Controller => {
  const maps = parts.informers.for(configMaps)
  return decider({
    name: 'test-controller',
    workers: 2,
    watches: [watch(maps, (object) => (object.metadata?.name === 'seed' ? [keyOf(object as KubeObject)] : []))],
    ...more,
    observe: (name) => maps.lister.get(name),
    reconcile: (_, now) => decide(now),
  })
}
const start = (decide: (now: number) => Decision, more: (parts: Parts) => Partial<Controller> = () => ({})) =>
  harness((parts) => [controller(parts, decide, more(parts))], [map('seed')])
const write = (name: string, more: Partial<WriteAction> = {}) => create(configMaps, map(name), more)
const tried = (h: Harness) => h.client.writes('create').map((a) => a.name)

describe('a controller', () => {
  it('looks only after its caches are complete', async () => {
    let looked = 0
    await using h = await harness(
      ({ client, ...parts }) => {
        const back = client.react('list', 'configmaps', () => {
          throw internal('not yet')
        })
        parts.clock.after(5000, back)
        return [controller(parts, () => ({ steps: [], rest: looked++ }))]
      },
      [map('seed')],
    )
    await h.run(4000)
    expect(looked).toBe(0)
    await h.run(10_000)
    expect(looked).toBe(1)
  })

  it('tries a key that failed again, after 5, 10, 20… ms, and other keys meanwhile', async () => {
    const at: number[] = []
    await using h = await start((now) => {
      at.push(now)
      if (at.length < 4) throw new Error('not today')
      return { steps: [] }
    })
    await h.run(1000)
    expect(at.map((time) => time - at[0]!)).toEqual([0, 5, 15, 35])
  })

  it('looks again when it said so', async () => {
    const at: number[] = []
    await using h = await start((now) => {
      at.push(now)
      return at.length < 3 ? { steps: [], requeueAfter: 1000 } : { steps: [] }
    })
    await h.run(10_000)
    expect(at.map((time) => time - at[0]!)).toEqual([0, 1000, 2000])
  })

  it('rests as long as it said, whatever changes, and then looks once', async () => {
    let looked = 0
    await using h = await start(() => ({ steps: [], rest: looked++ ? 0 : 1000 }))
    for (let i = 0; i < 50; i++) {
      h.client.change(configMaps, key('seed'), (m) => (m.data = { i: String(i) }))
      await h.run(10)
    }
    expect(looked).toBe(1)
    await h.run(1000)
    expect(looked).toBe(2)
  })

  it('does not look at a key before the cache shows what was written for it', async () => {
    let looked = 0
    await using h = await start(
      () => ({ steps: looked++ ? [] : [write('made')] }),
      ({ informers }) => ({ writesTo: [informers.for(configMaps)] }),
    )
    const before = looked
    h.client.react('watch', 'configmaps', () => 'blind')
    h.client.closeWatches(configMaps)
    await h.run(10_000)
    expect([before, looked, tried(h)]).toEqual([1, 1, ['made']])
  })

  it('takes nothing for visible in a cache that has lost its place and is being listed anew', () => {
    const cache = { type: configMaps, revision: '5' as string | undefined, lister: { get: () => undefined } }
    const own = new OwnWrites([cache])
    own.record('key', write('made'), { metadata: { resourceVersion: '7' } })
    const visible = [own.visible('key')]
    for (const revision of [undefined, '6', '7']) {
      cache.revision = revision
      visible.push(own.visible('key'))
    }
    expect(visible).toEqual([false, false, false, true])
  })

  it('takes what was gone before it could be deleted for deleted: it looks when the cache shows that', async () => {
    let looked = 0
    const tolerate = () => true
    await using h = await start(
      () => ({ steps: looked++ ? [remove(configMaps, map('other'), { tolerate })] : [] }),
      ({ informers }) => ({ writesTo: [informers.for(configMaps)] }),
    )
    h.client.seed(map('other'))
    await h.run()
    const see = h.client.react('watch', 'configmaps', () => 'blind')
    h.client.change(configMaps, key('seed'), (m) => (m.data = { again: 'yes' }))
    h.client.remove(configMaps, key('other'))
    h.client.closeWatches(configMaps)
    await h.run(10_000)
    expect(h.client.writes('delete')).toHaveLength(1)
    see()
    await h.run(60_000)
    expect(looked).toBeGreaterThan(1)
  })

  it('leaves no timer and no watch behind', async () => {
    const h = await start(() => ({ steps: [], requeueAfter: 60_000 }))
    await h[Symbol.asyncDispose]()
    expect([h.clock.pending, h.client.watchers]).toEqual([0, 0])
  })
})

describe('steps', () => {
  it('are carried out in order until one fails, and the conclusion after them all the same', async () => {
    let looked = 0
    await using h = await start(() => ({
      steps: looked++ ? [] : [write('a'), write('b'), write('c')],
      conclude: (failure) => [write(failure ? `failed-${failure.reason}` : 'fine')],
    }))
    h.client.react('create', 'configmaps', ({ name }) => {
      if (name === 'b') throw forbidden(configMaps, 'b', 'no')
    })
    h.client.remove(configMaps, key('a'))
    for (const name of ['b', 'c', 'fine']) h.client.remove(configMaps, key(name))
    looked = 0
    h.client.change(configMaps, key('seed'), (m) => (m.data = { again: 'yes' }))
    await h.run()
    expect(tried(h).slice(4)).toEqual(['a', 'b', 'failed-Forbidden'])
  })

  it('recover from a failure with other steps, which see the server as it is', async () => {
    const seen: unknown[] = []
    const recover = () => [
      {
        verb: 'read' as const,
        type: configMaps,
        key: key('seed'),
        then: (object: KubeObject | undefined) => {
          seen.push(object?.metadata?.uid)
          return [write('instead')]
        },
      },
    ]
    await using h = await start(() => ({ steps: seen.length ? [] : [write('seed', { recover })] }))
    expect([seen, tried(h)]).toEqual([['seed-uid'], ['seed', 'instead']])
  })

  it('look up a creation whose answer was lost, with no right to get, and go on with what is there', async () => {
    const { name: _, ...unnamed } = map('').metadata!
    const made = { ...map(''), metadata: { ...unnamed, generateName: 'some-' } }
    const answers: unknown[] = []
    const lost = (client: KubeClient): KubeClient =>
      new Proxy(client, {
        get(target, name: keyof KubeClient) {
          const member = target[name].bind(target) as (...args: unknown[]) => Promise<unknown>
          if (name === 'get') return () => Promise.reject(forbidden(configMaps, '', 'may not get'))
          if (name !== 'create') return member
          return async (...args: unknown[]) => {
            await member(...args)
            throw internal('the answer is lost')
          }
        },
      })
    const then = (answer: KubeObject) => {
      answers.push(answer.metadata?.name)
      return []
    }
    await using h = await harness(
      (parts) => [controller(parts, () => ({ steps: [create(configMaps, made, { then })] }))],
      [map('seed')],
      undefined,
      lost,
    )
    await h.run(1000)
    const names = h.client.stored(configMaps).map(({ metadata }) => metadata?.name)
    expect(names).toEqual(['seed', ...answers])
    expect(answers).toEqual([expect.stringMatching(/^some-.{5}$/)])
  })

  it('tell of success and of failure, but not of failures that are tolerated', async () => {
    const about = { kind: 'ConfigMap', name: 'seed', namespace: 'default' }
    const tell = {
      onSuccess: (answer: KubeObject) => event(about, 'Normal', 'Made', `made ${answer.metadata?.name}`),
      onFailure: (error: Error) => event(about, 'Warning', 'Failed', error.message),
    }
    let looked = 0
    await using h = await start(() => ({
      steps: looked++ ? [] : [write('a', tell), write('seed', { ...tell, tolerate: () => true }), write('seed', tell)],
    }))
    expect(h.events()).toEqual(['Made: made a', `Failed: ${alreadyExists(configMaps, 'seed').message}`])
  })

  it('of a series in a batch are carried out in order; its failure stops its own rest, and further batches', async () => {
    const series = (name: string) => ({ verb: 'series' as const, steps: [write(`${name}1`), write(`${name}2`)] })
    const actions = ['a', 'b', 'c', 'd'].map(series)
    let looked = 0
    await using h = await start(() => ({ steps: looked++ ? [] : [{ verb: 'batch', pace: 'slow-start', actions }] }))
    h.client.react('create', 'configmaps', ({ name }) => {
      if (name === 'b1') throw forbidden(configMaps, 'b1', 'no')
    })
    for (const { metadata } of h.client.stored(configMaps))
      if (metadata?.name !== 'seed') h.client.remove(configMaps, key(metadata!.name!))
    looked = 0
    h.client.actions.length = 0
    h.client.change(configMaps, key('seed'), (m) => (m.data = { again: 'yes' }))
    await h.run()
    expect(tried(h)).toEqual(['a1', 'a2', 'b1', 'c1', 'c2'])
  })

  it('that were not come to are not expected: the next look is not held up', async () => {
    const expected = { expected: true } as const
    const expectations: Expectations[] = []
    let looked = 0
    await using h = await start(
      () => ({
        steps: looked++
          ? []
          : [
              write('seed'),
              write('after', expected),
              { verb: 'batch', pace: 'parallel', actions: [{ verb: 'series', steps: [write('in-series', expected)] }] },
              remove(configMaps, map('gone'), expected),
            ],
      }),
      ({ clock }) => {
        expectations.push(new Expectations({ clock }))
        return { expectations: expectations[0]! }
      },
    )
    expect([tried(h), looked]).toEqual([['seed'], 1])
    expect(expectations[0]!.satisfied('default/seed')).toBe(true)
  })

  it('of later batches are not expected either once one has failed', async () => {
    const expectations: Expectations[] = []
    const actions = ['seed', 'x', 'y'].map((name) => write(name, { expected: true }))
    let looked = 0
    await using h = await start(
      () => ({ steps: looked++ ? [] : [{ verb: 'batch', pace: 'slow-start', actions }] }),
      ({ clock }) => {
        expectations.push(new Expectations({ clock }))
        return { expectations: expectations[0]! }
      },
    )
    expect([tried(h), expectations[0]!.satisfied('default/seed')]).toEqual([['seed'], true])
  })

  it('go on with the answer of the write before', async () => {
    let looked = 0
    await using h = await start(() => ({
      steps: looked++
        ? []
        : [write('a', { then: ({ metadata }) => [write(`after-${metadata?.name}`)] }), write('last')],
    }))
    expect(tried(h)).toEqual(['a', 'after-a', 'last'])
  })

  it('of a batch end with what succeeded, and then the batch fails', async () => {
    let looked = 0
    const concluded: (string | undefined)[][] = []
    const actions = [write('a'), write('seed'), write('c')]
    await using h = await start(() => ({
      steps: looked++
        ? []
        : [
            {
              verb: 'batch',
              pace: 'parallel',
              actions,
              conclude: (done) => {
                concluded.push(actions.filter((each) => done.has(each)).map(({ object }) => object.metadata?.name))
                return [write('concluded')]
              },
            },
            write('never'),
          ],
    }))
    expect([concluded, tried(h)]).toEqual([[['a', 'c']], ['a', 'seed', 'c', 'concluded']])
  })

  it('are traced with what caused them, failures included', async () => {
    await using h = await start(() => ({
      steps: [
        patch(configMaps, key('seed'), 'merge', { metadata: { labels: { seen: 'yes' } } }),
        remove(configMaps, map('absent')),
      ],
    }))
    const cause = { kind: 'ConfigMap', name: 'seed', uid: 'seed-uid' }
    // The server records what it stored; what it refused is recorded here.
    const patched = h.client.actions.find(({ verb }) => verb === 'patch')
    expect(patched?.options).toMatchObject({ cause })
    expect(h.trace.entries()[0]).toMatchObject({
      user: 'user of test-controller',
      component: 'test-controller',
      cause,
      action: 'delete',
      kind: { kind: 'ConfigMap' },
      name: 'absent',
      failure: 'configmaps "absent" not found',
    })
  })
})
