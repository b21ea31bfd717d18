import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { up, type TestCluster } from '../support/cluster.ts'
import { curl } from '../support/http.ts'
import { alive } from '../support/processes.ts'
import { loadBalancerAddress } from '../support/services.ts'
import { eventually } from '../support/wait.ts'
import { allReady, census, deploySample, isReady, pods } from './sample.ts'

describe('an agent killed with its pods running', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await up()
    await deploySample(cluster)
  })
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  const lives = async () =>
    (await pods(cluster)).map(({ metadata, status }) => ({
      name: metadata?.name,
      ip: status?.podIP,
      id: status?.containerStatuses?.[0]?.containerID,
      started: status?.containerStatuses?.[0]?.state?.running?.startedAt,
      restarts: status?.containerStatuses?.[0]?.restartCount,
    }))

  it('is started again, and finds them as they are', async () => {
    const k = cluster.kubectl
    const before = { lives: await lives(), ...census(cluster.data) }
    process.kill(before.agents[0]!, 'SIGKILL')
    await eventually('another agent', () => census(cluster.data).agents.some((pid) => pid !== before.agents[0]))
    const site = await loadBalancerAddress(k, 'hello')
    const seen = new Set<string>()
    await eventually(
      'an answer from every pod',
      async () => seen.add((JSON.parse((await curl(`${site}/`)).body) as { pod: string }).pod).size === 5,
    )
    await eventually('exec', async () => (await k('exec', 'deployment/hello', '--', 'echo', 'here')) === 'here\n')
    await allReady(cluster)
    expect(await lives()).toEqual(before.lives)
    const now = census(cluster.data)
    expect([now.shims, now.applications]).toEqual([before.shims, before.applications])
    expect(now.agents).toHaveLength(1)
    expect(before.agents.filter(alive)).toEqual([])
  })

  it('sees what happened to them meanwhile', async () => {
    const [victim] = census(cluster.data).applications
    process.kill(census(cluster.data).agents[0]!, 'SIGKILL')
    process.kill(victim!, 'SIGKILL')
    await eventually(
      'a restart on record, and all ready',
      async () =>
        (await lives()).filter(({ restarts }) => restarts === 1).length === 1 && (await pods(cluster)).every(isReady),
    )
    const killed = (await pods(cluster)).find(({ status }) => status?.containerStatuses?.[0]?.restartCount === 1)
    expect(killed?.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'Error',
    })
  })

  it('takes pods that ask to end meanwhile to their end', async () => {
    const k = cluster.kubectl
    process.kill(census(cluster.data).agents[0]!, 'SIGKILL')
    await k('delete', 'deployment', 'hello')
    await eventually('no pod left', async () => (await pods(cluster)).length === 0, 30_000)
    await eventually('no process of theirs left', () => census(cluster.data).shims.length === 0)
  })
}, 90_000)
