import type { ConfigMap } from 'kubernetes-types/core/v1'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeList } from '#shared/kube/object.ts'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { leftovers } from '../support/leftovers.ts'
import { curl } from '../support/http.ts'
import { alive } from '../support/processes.ts'
import { loadBalancerAddress } from '../support/services.ts'
import { eventually } from '../support/wait.ts'
import { hammerLabel, Ledger } from './hammer.ts'
import { allReady, census, deploySample, pods, uids } from './sample.ts'

const writers = 64
const wanted = 1500

describe('a cluster killed in the middle of 64 writers', () => {
  const folder = temporaryFolder()
  const data = `${folder.path}/data`
  let cluster: TestCluster
  let before: string[]
  const ledger = new Ledger()

  beforeAll(async () => {
    cluster = await up([], data)
    await deploySample(cluster)
    before = uids(await pods(cluster))
  })
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  })

  // At once the old agent still lets go of the machine; later it and the pods have ended.
  it.each([
    [1, 'at once', 0],
    [2, 'after a while', 3000],
    [3, 'while things still end', 500],
  ])(
    '(%i, started again %s) has every acknowledged write, the same pods, running, and nothing twice',
    async (round, _when, pause) => {
      const killed = cluster
      const processes = census(data)
      expect([processes.agents.length, processes.shims.length, processes.applications.length]).toEqual([1, 5, 5])
      let acknowledged = 0
      await ledger.hammer(cluster.kubeconfig, {
        writers,
        name: (id, turn) => `hammer-${round}-${id}-${turn}`,
        onAcknowledged() {
          if (++acknowledged === wanted) process.kill(killed.pid, 'SIGKILL')
        },
      })
      await killed.process.exited
      expect(acknowledged).toBeGreaterThanOrEqual(wanted)
      await sleep(pause)

      cluster = await up([], data)
      expect(cluster.server).toBe(killed.server)
      const { items } = await cluster.kubectl.json<KubeList<ConfigMap>>('get', 'configmaps', '-l', hammerLabel)
      expect(ledger.compare(items)).toEqual({ lost: [], unknown: [] })

      const now = await allReady(cluster, { restarts: round })
      expect(uids(now)).toEqual(before)
      const seen = new Set<string>()
      await eventually('an answer from every pod', async () => {
        // Another program may have taken its port meanwhile.
        const site = await loadBalancerAddress(cluster.kubectl, 'hello')
        return seen.add((JSON.parse((await curl(`${site}/`)).body) as { pod: string }).pod).size === 5
      })
      expect(await cluster.kubectl('exec', now[0]!.metadata!.name!, '--', 'echo', 'here')).toBe('here\n')
      // Nothing of before runs on beside what replaced it.
      await eventually('one agent, five shims, five applications', () => {
        const counts = census(data)
        return counts.agents.length === 1 && counts.shims.length === 5 && counts.applications.length === 5
      })
      expect(processes.agents.filter(alive)).toEqual([])
    },
  )

  it('leaves nothing on the machine when nobody starts it again', async () => {
    process.kill(cluster.pid, 'SIGKILL')
    await cluster.process.exited
    await eventually('all processes gone', () => leftovers(data).every((what) => !what.startsWith('process')), 10_000)
    // The socket that pods held on to is all that the dead could not take with them.
    expect(leftovers(data).filter((what) => !what.startsWith('folder /run/'))).toEqual([])
    cluster = await up([], data)
  })
}, 120_000)
