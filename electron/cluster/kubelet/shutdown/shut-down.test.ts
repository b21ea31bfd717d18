import { afterEach, beforeEach, expect, it } from 'vitest'
import { nodes } from '#shared/kube/resources.ts'
import { pod } from '../testing/builders.ts'
import { Harness } from '../testing/harness.ts'
import { shutdownGroups } from './graces.ts'

const graces = [
  { priority: 2_000_000_000, seconds: 10 },
  { priority: 0, seconds: 20 },
]

it('has pods of a priority go with the next lower one that is named, and those below all with the lowest', () => {
  const pods = [-5, undefined, 7, 2_000_000_000, 2_000_001_000].map((priority) => ({
    spec: { containers: [], ...(priority === undefined ? {} : { priority }) },
  }))
  expect(shutdownGroups(graces, pods).map(({ seconds, pods: group }) => [seconds, group.length])).toEqual([
    [20, 3],
    [10, 2],
  ])
  expect(shutdownGroups(graces, pods.slice(3))).toHaveLength(1)
})

let harness: Harness
beforeEach(async () => {
  harness = await new Harness().start()
})
afterEach(() => harness.stop())

const start = async (name: string, priority: number, terminationGracePeriodSeconds = 30) => {
  const metadata = { name, uid: name }
  harness.run(pod({ metadata, containers: [{ name }], spec: { priority, terminationGracePeriodSeconds } }))
  await harness.until(() => harness.pod(name)?.status?.phase === 'Running')
}
/** Lets time pass until it is done. */
async function over(done: Promise<void>): Promise<void> {
  let isOver = false
  void done.then(() => (isOver = true))
  while (!isOver) await harness.pass(500)
  await done
}
const stops = () => harness.runtime.calls.filter((call) => call.startsWith('stop ')).map((call) => call.slice(5))

it('ends critical pods after all others, none with a longer grace than its own, and says why', async () => {
  await start('proxy', 2_000_001_000)
  await start('web', 0)
  await start('short', 0, 3)
  harness.runtime.onStop = ({ name }) => ({ after: name === 'web' ? 5000 : 1000, exitCode: 0 })
  const done = harness.kubelet!.shutDown(graces)
  await harness.until(() => stops().length === 2)
  await harness.pass(4000)
  expect(stops().toSorted()).toEqual(['short 3', 'web 20'])
  await over(done)
  expect(stops().at(-1)).toBe('proxy 10')
  for (const name of ['proxy', 'web', 'short']) {
    const { phase, reason, message, conditions, containerStatuses } = harness.pod(name)!.status!
    const because = 'Pod was terminated in response to imminent node shutdown.'
    expect([phase, reason, message]).toEqual(['Failed', 'Terminated', because])
    const disrupted = { status: 'True', reason: 'TerminationByKubelet', message: because }
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'DisruptionTarget', ...disrupted }))
    expect(containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(0)
  }
  expect(harness.message('Evicted')).toBeUndefined()
})

it('is not ready meanwhile, and takes no pod', async () => {
  await start('web', 0)
  harness.runtime.onStop = () => ({ after: 5000, exitCode: 0 })
  const done = harness.kubelet!.shutDown(graces)
  await harness.until(() => stops().length)
  const ready = harness.client.find(nodes, { name: 'node-1' })?.status?.conditions?.find(({ type }) => type === 'Ready')
  expect(ready).toMatchObject({ status: 'False', reason: 'KubeletNotReady', message: 'node is shutting down' })
  expect(harness.message('NodeShutdown')).toBe('Shutdown manager detected shutdown event')
  harness.run(pod({ metadata: { name: 'late', uid: 'late' } }))
  await harness.until(() => harness.pod('late')?.status?.phase === 'Failed')
  expect(harness.pod('late')?.status).toMatchObject({
    reason: 'NodeShutdown',
    message: 'Pod was rejected: Pod was rejected as the node is shutting down.',
  })
  await over(done)
})

it('waits no longer than a group may take for pods that do not end', async () => {
  await start('stubborn', 0)
  await start('proxy', 2_000_000_000)
  harness.runtime.onCall = (call) => {
    if (call.startsWith('stop stubborn')) throw new Error('not at the moment')
  }
  const done = harness.kubelet!.shutDown(graces)
  await harness.pass(19_000)
  expect(stops()).not.toContain('proxy 10')
  await over(done)
  expect(stops()).toContain('proxy 10')
})
