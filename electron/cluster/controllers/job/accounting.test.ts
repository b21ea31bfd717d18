import type { Job } from 'kubernetes-types/batch/v1'
import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { jobs, pods } from '#shared/kube/resources.ts'
import { internal } from '#shared/kube/status.ts'
import { seededRandom } from '../../base/random.ts'
import { job, pod } from '../framework/testing/builders.ts'
import { parseIndexes, countIndexes } from './indexes.ts'
import { startJobs, startLeaders, type JobHarness } from './testing.ts'

const key = (name: string) => ({ namespace: 'default', name })
const tracking = 'batch.kubernetes.io/job-tracking'
const isTracked = ({ metadata }: Pod) => metadata?.finalizers?.includes(tracking) ?? false
const nameOf = ({ metadata }: Pod) => metadata!.name!

/** From the nth write on the server hears nothing any more. Tells whether there were that many. */
function silence(h: JobHarness, after: number): { silent: () => boolean; end: () => void } {
  let writes = 0
  const ends = (['create', 'update', 'patch', 'delete'] as const).map((verb) =>
    h.client.react(verb, '*', ({ resource }) => {
      if (resource !== 'events' && ++writes > after) throw internal('connection lost')
    }),
  )
  return { silent: () => writes > after, end: () => ends.forEach((end) => end()) }
}

it.each([
  ['plain', {}],
  ['indexed', { completionMode: 'Indexed' }],
  ['indexed with a limit per index', { completionMode: 'Indexed', backoffLimitPerIndex: 2, backoffLimit: 99 }],
])('restarted after any of its writes, a %s job counts every pod once and makes none twice', async (_, spec) => {
  for (let step = 0; ; step++) {
    await using h = await startJobs()
    const made = new Set<string>()
    const see = () => h.pods().forEach(({ metadata }) => made.add(metadata!.uid!))
    const lost = silence(h, step)
    h.client.seed(job('work', { spec: { completions: 3, parallelism: 3, ...spec } }))
    await h.run(10)
    see()
    const act = async (phase: 'Succeeded' | 'Failed', wanted: (pod: Pod) => boolean) => {
      for (const each of h.pods('Pending').filter(wanted)) h.end(nameOf(each), phase)
      await h.run(10)
      see()
    }
    const revive = async () => {
      lost.end()
      await h.restart()
      await h.run(2_000)
      see()
    }
    if (lost.silent()) await revive()
    const [first] = h.pods('Pending')
    await act('Failed', (each) => nameOf(each) === nameOf(first!))
    if (lost.silent()) await revive()
    await act('Succeeded', () => true)
    if (lost.silent()) await revive()
    await h.run(30_000)
    see()
    await act('Succeeded', () => true)
    const all = lost.silent()
    if (all) await revive()
    await h.run(30_000)
    await act('Succeeded', () => true)
    expect([step, h.status()['succeeded'], h.status()['failed'], made.size]).toEqual([step, 3, 1, 4])
    expect(h.condition('Complete')?.status).toBe('True')
    expect(h.pods().filter(isTracked)).toEqual([])
    expect(h.status()['uncountedTerminatedPods']).toEqual({})
    if (!all) break
    expect(step).toBeLessThan(60)
  }
})

it('makes no pod twice while its cache is stale', async () => {
  await using h = await startJobs()
  const blind = h.client.react('watch', 'pods', () => 'blind')
  h.client.closeWatches(pods)
  h.client.seed(job('work', { spec: { completions: 4, parallelism: 4 } }))
  await h.run(600_000)
  h.edit((each) => (each.spec!.parallelism = 3))
  await h.run(600_000)
  expect(h.client.writes('create').filter(({ resource }) => resource === 'pods')).toHaveLength(4)
  blind()
  await h.run(60_000)
  expect(h.pods()).toHaveLength(3)
})

it('counts a pod that others delete while it is held, and lets it go', async () => {
  await using h = await startJobs(job('work', { spec: { completions: 2, parallelism: 2 } }))
  const [first, second] = h.pods().map(nameOf)
  await h.client.delete(pods, key(first!), { gracePeriodSeconds: 0 })
  h.end(second!, 'Succeeded')
  await h.client.delete(pods, key(second!), { gracePeriodSeconds: 0 })
  await h.run(10)
  expect(h.status()).toMatchObject({ succeeded: 1, failed: 1, uncountedTerminatedPods: {} })
  expect(h.client.find(pods, key(first!)) ?? h.client.find(pods, key(second!))).toBeUndefined()
})

it('does not count again what status names already, when the answer to that write was lost', async () => {
  const ended = pod('ended', {
    metadata: {
      labels: { job: 'work' },
      finalizers: [tracking],
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'work', uid: 'work-uid', controller: true }],
    },
    status: { phase: 'Failed' },
  })
  const status: Job['status'] = { failed: 1, uncountedTerminatedPods: { failed: ['ended-uid', 'long-gone'] } }
  await using h = await startJobs(job('work', { status }), ended)
  expect(h.status()).toMatchObject({ failed: 3, uncountedTerminatedPods: {} })
})

it('writes no more uids into status than fit, and comes to the end all the same', async () => {
  await using h = await startJobs(job('work', { spec: { completions: 1200, parallelism: 1200 } }))
  await h.run(5_000)
  expect(h.pods()).toHaveLength(1200)
  for (const each of h.pods()) h.end(nameOf(each), 'Succeeded')
  let most = 0
  h.client.react('update', 'jobs', ({ body }) => {
    most = Math.max(most, (body as Job).status?.uncountedTerminatedPods?.succeeded?.length ?? 0)
  })
  await h.run(10_000)
  expect(most).toBe(500)
  expect([h.status()['succeeded'], h.condition('Complete')?.status]).toEqual([1200, 'True'])
})

it('asks the server before it frees a pod whose job it does not know', async () => {
  await using h = await startJobs()
  const blind = h.client.react('watch', 'jobs', () => 'blind')
  h.client.closeWatches(jobs)
  h.client.seed(job('work'))
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'work', uid: 'work-uid', controller: true }
  h.client.seed(
    pod('mine', { metadata: { labels: { job: 'work' }, finalizers: [tracking], ownerReferences: [owner] } }),
  )
  h.client.seed(pod('lost', { metadata: { finalizers: [tracking], ownerReferences: [{ ...owner, uid: 'gone' }] } }))
  await h.run(10)
  expect(h.pods().filter(isTracked).map(nameOf)).toEqual(['mine'])
  blind()
})

it('counts a pod that ended just when it was found to be too many', async () => {
  await using h = await startJobs(job('work', { spec: { completions: 5, parallelism: 2 } }))
  const [first, second] = h.pods().map(nameOf)
  const blind = h.client.react('watch', 'pods', () => 'blind')
  h.client.closeWatches(pods)
  for (const name of [first!, second!]) h.end(name, 'Succeeded')
  h.edit((each) => (each.spec!.parallelism = 1))
  await h.run(100)
  blind()
  await h.run(30_000)
  expect(h.status()['succeeded']).toBe(2)
})

it('frees pods that have lost their owner, but not those of other kinds of owners', async () => {
  const other = { apiVersion: 'example.com/v1', kind: 'Queue', name: 'q', uid: 'q', controller: true }
  await using h = await startJobs(
    pod('orphan', { metadata: { finalizers: [tracking, 'example.com/mine'] } }),
    pod('foreign', { metadata: { finalizers: [tracking], ownerReferences: [other] } }),
  )
  await h.run(10)
  expect(h.client.find(pods, key('orphan'))?.metadata?.finalizers).toEqual(['example.com/mine'])
  expect(h.client.find(pods, key('foreign'))?.metadata?.finalizers).toEqual([tracking])
})

/** One random life of a job; what must hold at every step is checked at every step. */
async function live(seed: number, leaders = 1): Promise<void> {
  const random = seededRandom(seed)
  const chance = (share: number) => random.next() < share
  const indexed = chance(0.5)
  const completions = 1 + Math.floor(random.next() * 6)
  const parallelism = 1 + Math.floor(random.next() * 6)
  const spec = { completions, parallelism, backoffLimit: 1000, ...(indexed ? { completionMode: 'Indexed' } : {}) }
  await using h = await startLeaders(leaders, job('work', { spec }))
  const fate = new Map<string, 'Succeeded' | 'Failed'>()
  let blind: (() => void) | undefined
  let refusing: (() => void) | undefined
  const check = () => {
    const { succeeded = 0, failed = 0, completedIndexes, uncountedTerminatedPods: uncounted } = h.job().status ?? {}
    const truth = (wanted: string) => [...fate.values()].filter((each) => each === wanted).length
    const said = `seed ${seed}`
    expect(failed + (uncounted?.failed?.length ?? 0), said).toBeLessThanOrEqual(truth('Failed'))
    expect(succeeded + (uncounted?.succeeded?.length ?? 0), said).toBeLessThanOrEqual(truth('Succeeded'))
    if (indexed) expect(countIndexes(parseIndexes(completedIndexes, completions)), said).toBe(succeeded)
    expect(h.pods('Pending').filter(({ metadata }) => !metadata?.deletionTimestamp).length, said).toBeLessThanOrEqual(
      parallelism,
    )
    // Freed or gone: then it is in the account.
    const held = new Set(
      h
        .pods()
        .filter(isTracked)
        .map(({ metadata }) => metadata!.uid!),
    )
    const freed = [...fate.keys()].filter((uid) => !held.has(uid)).length
    const account = succeeded + failed + (uncounted?.succeeded?.length ?? 0) + (uncounted?.failed?.length ?? 0)
    expect(account, said).toBeGreaterThanOrEqual(freed)
  }
  for (let step = 0; step < 400 && !h.condition('Complete'); step++) {
    const running = h.pods('Pending').filter(({ metadata }) => !metadata?.deletionTimestamp)
    const one = running[Math.floor(random.next() * running.length)]
    const what = random.next()
    if (one && what < 0.35) {
      fate.set(one.metadata!.uid!, 'Succeeded')
      h.end(nameOf(one), 'Succeeded')
    } else if (one && what < 0.45) {
      fate.set(one.metadata!.uid!, 'Failed')
      h.end(nameOf(one), 'Failed')
    } else if (one && what < 0.5) {
      const refused = await h.client.delete(pods, key(nameOf(one))).catch((error: unknown) => error)
      if (!refused) fate.set(one.metadata!.uid!, 'Failed')
    } else if (what < 0.6) await h.restart()
    else if (what < 0.65) h.client.closeWatches(chance(0.5) ? pods : jobs)
    else if (what < 0.7 && !blind) {
      blind = h.client.react('watch', chance(0.5) ? 'pods' : 'jobs', () => 'blind')
      h.client.closeWatches()
    } else if (what < 0.75 && !refusing) {
      refusing = h.client.react('*', '*', ({ verb }) => {
        if (verb !== 'watch' && chance(0.3)) throw internal('not now')
      })
    } else if (what < 0.78) h.clock.jump((random.next() - 0.3) * 100_000)
    if (chance(0.2)) {
      blind?.()
      refusing?.()
      blind = refusing = undefined
    }
    await h.run(chance(0.3) ? 60_000 * random.next() : 5 * random.next())
    if (leaders === 1) check()
  }
  blind?.()
  refusing?.()
  await h.run(120_000)
  const { succeeded = 0, failed = 0 } = h.job().status ?? {}
  expect([seed, h.condition('Complete')?.status, succeeded >= completions]).toEqual([seed, 'True', true])
  // Two leaders make pods that are too many, and end them.
  if (leaders === 1) {
    const failures = [...fate.values()].filter((each) => each === 'Failed').length
    expect([seed, succeeded, failed]).toEqual([seed, completions, failures])
  } else if (indexed) expect([seed, succeeded]).toEqual([seed, completions])
  expect(h.pods().filter(isTracked), `seed ${seed}`).toEqual([])
}

const seeds = Number(process.env['SEEDS'] ?? 100)

it.each([0, 1, 2, 3])(
  'whatever happens to pods, watches, clocks and itself, loses no pod and counts none twice (%i)',
  async (part) => {
    let lived = 0
    for (let seed = part + 1; seed <= seeds; seed += 4, lived++) await live(seed)
    expect(lived).toBe(Math.ceil((seeds - part) / 4))
  },
)

it('two leaders at once come to the end of it all the same, with every index counted once', async () => {
  for (let seed = 1; seed <= 30; seed++) await live(seed, 2)
  expect.hasAssertions()
})
