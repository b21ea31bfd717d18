import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nodes } from '#shared/kube/resources.ts'
import { pod } from '../testing/builders.ts'
import { Harness } from '../testing/harness.ts'
import type { Pod } from '../types.ts'
import { evictionMessage, pressureRejection, rank } from './rank.ts'
import { shortages } from './thresholds.ts'

vi.setConfig({ testTimeout: 30_000 })

const plenty = { memoryBytes: 2 ** 33, diskBytes: 2 ** 36, diskCapacityBytes: 2 ** 37, inodes: 1e6, inodeCapacity: 1e7 }
const shortage = shortages({ ...plenty, memoryBytes: 50 * 1024 ** 2 })[0]!

describe('too little', () => {
  it('is less than 100Mi of memory', () => {
    expect(shortages(plenty)).toEqual([])
    expect(shortage).toEqual({
      condition: 'MemoryPressure',
      resource: 'memory',
      threshold: '100Mi',
      available: '51200Ki',
    })
  })

  it('of memory is not told where nobody knows what caches hold', () => {
    expect(shortages({ ...plenty, memoryBytes: undefined })).toEqual([])
  })

  it('is less than a tenth of a small disk, or a gibibyte of a large one', () => {
    const small = { ...plenty, diskCapacityBytes: 2 ** 31 }
    expect(shortages({ ...small, diskBytes: 2 ** 28 })).toEqual([])
    expect(shortages({ ...small, diskBytes: 2 ** 27 })[0]).toMatchObject({ resource: 'ephemeral-storage' })
    expect(shortages({ ...plenty, diskBytes: 2 ** 30 })).toEqual([])
    expect(shortages({ ...plenty, diskBytes: 2 ** 29 })[0]).toMatchObject({
      condition: 'DiskPressure',
      threshold: '1Gi',
    })
  })

  it('of inodes is not told by file systems that do not count them', () => {
    expect(shortages({ ...plenty, inodes: 0, inodeCapacity: 0 })).toEqual([])
    expect(shortages({ ...plenty, inodes: 5 })[0]).toMatchObject({ resource: 'inodes', available: '5' })
  })
})

describe('who goes first', () => {
  const using = (name: string, mebibytes: number, spec: object = {}) => ({
    pod: pod({ metadata: { name }, spec }),
    usage: new Map([['web', mebibytes * 1024 ** 2]]),
  })
  const asking = (memory: string) => ({ containers: [{ name: 'web', resources: { requests: { memory } } }] })

  it('is who uses more than it asked for, then who matters less, then who is further over', () => {
    const order = rank(
      [
        using('within', 50, asking('100Mi')),
        using('over', 150, asking('100Mi')),
        using('important', 900, { priority: 10 }),
        using('greedy', 200),
      ],
      'memory',
    )
    expect(order.map(({ pod: { metadata } }) => metadata?.name)).toEqual(['greedy', 'over', 'important', 'within'])
  })

  it('is never a critical pod', () => {
    expect(rank([using('critical', 900, { priority: 2_000_001_000 })], 'memory')).toEqual([])
  })

  it('is told why in upstream words', () => {
    const { pod: evicted, usage } = using('greedy', 188)
    expect(evictionMessage(shortage, evicted, usage)).toBe(
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 51200Ki. ' +
        'Container web was using 188Mi, request is 0, has larger consumption of memory. ',
    )
  })
})

it('a node under pressure takes no pods that would make it worse', () => {
  const reason = (of: Pod, ...conditions: Parameters<typeof pressureRejection>[1]) => pressureRejection(of, conditions)
  expect(reason(pod(), 'MemoryPressure')).toEqual({
    reason: 'Evicted',
    message: 'The node had condition: [MemoryPressure]. ',
  })
  const burstable = pod({ containers: [{ resources: { requests: { memory: '1Mi' } } }] })
  expect(reason(burstable, 'MemoryPressure')).toBeUndefined()
  expect(reason(burstable, 'DiskPressure')).toBeDefined()
  const tolerations = [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }]
  expect(reason(pod({ spec: { tolerations } }), 'MemoryPressure')).toBeUndefined()
  expect(reason(pod({ spec: { priority: 2_000_000_000 } }), 'DiskPressure')).toBeUndefined()
})

describe('a node that is short of memory', () => {
  let test: Harness
  beforeEach(async () => {
    test = await new Harness().start()
  })
  afterEach(() => test.stop())
  const condition = () =>
    test.client.find(nodes, { name: 'node-1' })?.status?.conditions?.find(({ type }) => type === 'MemoryPressure')

  it('evicts a pod, says that it was disrupted, and is under pressure for five minutes more', async () => {
    test.run(pod())
    await test.until(() => test.pod()?.status?.phase === 'Running')
    test.signals = { ...test.signals, memoryBytes: 1000 }
    await test.pass(10_000)
    await test.until(() => test.pod()?.status?.phase === 'Failed')
    test.signals = { ...test.signals, memoryBytes: 2 ** 33 }
    expect(test.pod()?.status?.reason).toBe('Evicted')
    const disruption = test.pod()?.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')
    expect(disruption).toMatchObject({ status: 'True', reason: 'TerminationByKubelet' })
    expect(disruption?.lastTransitionTime).toBeDefined()
    await test.pass(11_000)
    await test.until(() => condition()?.status === 'True')
    expect(condition()?.reason).toBe('KubeletHasInsufficientMemory')
    test.run(pod({ metadata: { name: 'late', uid: 'uid-2' } }))
    await test.until(() => test.pod('late')?.status?.reason === 'Evicted')
    await test.pass(310_000, 5000)
    await test.until(() => condition()?.status === 'False')
  })

  it('takes what an evicted pod has left from a full disk before it evicts another', async () => {
    const names = ['filler', 'other']
    for (const name of names) test.run(pod({ metadata: { name, uid: `uid-${name}` }, containers: [{ name }] }))
    await test.until(() => names.every((name) => test.pod(name)?.status?.phase === 'Running'))
    test.runtime.onWritten = ({ name }) => (name === 'filler' ? 1e9 : 1000)
    test.signals = { ...test.signals, diskBytes: 0 }
    const has = (name: string) => [...test.runtime.runs.values()].some((run) => run.name === name)
    test.runtime.onCall = (call) => {
      // Its files go with it.
      if (call.startsWith('remove filler')) test.signals = { ...test.signals, diskBytes: 2 ** 36 }
    }
    await test.pass(10_000)
    await test.until(() => test.pod('filler')?.status?.reason === 'Evicted')
    expect(has('filler')).toBe(true)
    await test.pass(11_000)
    await test.until(() => !has('filler'))
    await test.pass(30_000)
    expect(test.pod('filler')?.status?.phase).toBe('Failed')
    expect(test.pod('other')?.status?.phase).toBe('Running')
  })

  it('kills the evicted pod although the first attempts fail', async () => {
    test.run(pod())
    await test.until(() => test.pod()?.status?.phase === 'Running')
    // That the pod was disrupted comes back from the API as news, and would be reason enough for one more attempt.
    let failures = 3
    test.runtime.onCall = (call) => {
      if (call.startsWith('stop web') && failures-- > 0) throw new Error('not at the moment')
    }
    test.signals = { ...test.signals, memoryBytes: 1000 }
    await test.pass(10_000)
    await test.until(() => failures < 3)
    await test.pass(10_000)
    await test.until(() => [...test.runtime.pods.values()].every(({ state }) => state === 'notready'))
    await test.until(() => test.pod()?.status?.phase === 'Failed')
    expect(test.runtime.calls.filter((call) => call.startsWith('stop web'))).toHaveLength(4)
  })

  it('reads once what containers use, however many pods there are', async () => {
    for (const name of ['one', 'two', 'three']) test.run(pod({ metadata: { name, uid: `uid-${name}` } }))
    await test.until(() => ['one', 'two', 'three'].every((name) => test.pod(name)?.status?.phase === 'Running'))
    const stats = vi.spyOn(test.runtime, 'stats')
    test.signals = { ...test.signals, memoryBytes: 1000 }
    await test.pass(10_000)
    await test.until(() => test.message('Evicted'))
    expect(stats).toHaveBeenCalledTimes(1)
  })
})
