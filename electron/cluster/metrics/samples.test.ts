import { expect, it } from 'vitest'
import { Samples, type Summary } from './samples.ts'

const time = (seconds: number): string => new Date(1_000_000 + seconds * 1000).toISOString()

/** What a kubelet has counted so many seconds into the test; the container was started at 0 unless said otherwise. */
function summary(seconds: number, cpuSeconds: number, { started = 0, memory = 100 } = {}): Summary {
  const counted = {
    startTime: time(started),
    cpu: { time: time(seconds), usageCoreNanoSeconds: cpuSeconds * 1e9 },
    memory: { workingSetBytes: memory },
  }
  return { node: counted, pods: [{ podRef: { uid: 'u' }, containers: [{ name: 'c', ...counted }] }] }
}
const of = (summaryOfOne: Summary) => [{ nodes: ['n'], summary: summaryOfOne }]

it('averages over the time between two readings', () => {
  const samples = new Samples()
  samples.take(of(summary(10, 5)))
  samples.take(of(summary(20, 6, { memory: 300 })))
  expect(samples.pod('u')?.get('c')).toEqual({ at: 1_020_000, window: 10_000, nanoCores: 1e8, memoryBytes: 300 })
  expect(samples.node('n')).toMatchObject({ nanoCores: 1e8 })
})

it('averages since the start of what it sees for the first time', () => {
  const samples = new Samples()
  samples.take(of(summary(4, 2)))
  expect(samples.pod('u')?.get('c')).toMatchObject({ window: 4_000, nanoCores: 5e8 })
})

it('counts a restarted container from nothing instead of backwards', () => {
  const samples = new Samples()
  samples.take(of(summary(10, 8)))
  samples.take(of(summary(20, 1, { started: 15 })))
  expect(samples.pod('u')?.get('c')).toMatchObject({ window: 5_000, nanoCores: 2e8 })
})

it('keeps the figures when a kubelet tells the same reading twice', () => {
  const samples = new Samples()
  samples.take(of(summary(10, 5)))
  samples.take(of(summary(20, 6)))
  samples.take(of(summary(20, 6)))
  expect(samples.pod('u')?.get('c')).toMatchObject({ nanoCores: 1e8 })
})

it('knows nothing of a pod of which a container has no figures, nor of what has gone', () => {
  const samples = new Samples()
  const half: Summary = {
    ...summary(10, 5),
    pods: [
      { podRef: { uid: 'u' }, containers: [...summary(10, 5).pods[0]!.containers, { name: 'd', startTime: time(0) }] },
    ],
  }
  samples.take(of(half))
  expect(samples.pod('u')).toBeUndefined()
  samples.take(of(summary(20, 6)))
  expect(samples.pod('u')).toBeDefined()
  samples.take([])
  expect(samples.pod('u')).toBeUndefined()
  expect(samples.node('n')).toBeUndefined()
})
