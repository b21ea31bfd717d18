import type { Random } from '../base/random.ts'
import type { Board, NodeReport } from './board.ts'
import type { ClusterState } from './cluster-state.ts'
import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'

/** How good the best nodes are, and why. */
export interface NodeScore {
  readonly node: string
  readonly total: number
  /** Normalised and weighted, by plug-in. */
  readonly plugins: Readonly<Record<string, number>>
}

export interface Placement {
  readonly placed: true
  readonly node: NodeInfo
  /** The chosen node, then the runners-up; empty where only one node fits. */
  readonly scores: readonly NodeScore[]
  readonly fitting: number
  readonly examined: number
}

/** Why no node will do. */
export interface Failure {
  readonly placed: false
  /** Nodes in the cluster. */
  readonly all: number
  /** Said before any node was looked at. */
  readonly refusal?: { readonly plugin: string; readonly reason: string }
  readonly reports: readonly NodeReport[]
  /** Plug-ins that left only some nodes to look at; the others count as rejected by them. */
  readonly restrictedBy: readonly string[]
  readonly examined: number
}

export type Decision = Placement | Failure

/**
 * How many fitting nodes are enough to choose among: all of 100, then a falling share, never fewer than 100.
 * Source: numFeasibleNodesToFind.
 */
export function enoughNodes(all: number): number {
  if (all < 100) return all
  const percentage = Math.max(5, 50 - Math.floor(all / 125))
  return Math.max(100, Math.floor((all * percentage) / 100))
}

export interface Cycle {
  readonly pod: PodInfo
  readonly board: Board
  readonly state: ClusterState
  readonly random: Random
  /** Where the search begins, so that with many nodes all are looked at over time. */
  readonly start: number
}

/** Chooses a node for a pod, or says why none will do. */
export function schedule(cycle: Cycle): Decision {
  const { pod, board, state, start } = cycle
  const all = state.nodes()
  const nothing = { placed: false, all: all.length, reports: [], restrictedBy: [], examined: 0 } as const
  if (board.refusal) return { ...nothing, refusal: board.refusal }
  const nominated = nominatedNode(pod, state)
  if (nominated && board.nodes?.has(nominated.name) !== false && fits(cycle, nominated))
    return { placed: true, node: nominated, scores: [], fitting: 1, examined: 0 }
  const known = state.nominations.size ? undefined : board.failure
  if (known?.version === state.version)
    return { ...nothing, reports: known.reports, restrictedBy: board.restrictedBy, examined: known.reports.length }
  const nodes = board.nodes ? [...board.nodes].flatMap((name) => state.node(name) ?? []) : all
  const enough = enoughNodes(nodes.length)
  const fitting: NodeInfo[] = []
  let examined = 0
  let at = nodes.length ? start % nodes.length : 0
  while (examined < nodes.length && fitting.length < enough) {
    const node = nodes[at]!
    if (++at === nodes.length) at = 0
    examined++
    if (fits(cycle, node)) fitting.push(node)
  }
  if (!fitting.length) {
    const reports = nodes.map((node) => reportOn(cycle, node))
    if (state.nominations.size === 0) board.failure = { version: state.version, reports }
    return { ...nothing, reports, restrictedBy: board.restrictedBy, examined }
  }
  return choose(cycle, fitting, examined)
}

const nominatedNode = ({ uid, pod }: PodInfo, state: ClusterState): NodeInfo | undefined => {
  const name = state.nominations.nodeOf(uid) ?? pod.status?.nominatedNodeName
  return name ? state.node(name) : undefined
}

/** With pods that are nominated there counted, and also without them: they may yet go elsewhere. */
export function fits({ pod, board, state }: Pick<Cycle, 'pod' | 'board' | 'state'>, node: NodeInfo): boolean {
  if (!board.fits(node)) return false
  if (state.nominations.size === 0) return true
  const others = state.nominations.against(pod, node.name)
  if (!others.length) return true
  const trial = board.trial(node)
  for (const other of others) trial.add(other)
  const fitting = trial.fits()
  trial.undo()
  return fitting
}

function reportOn({ pod, board, state }: Cycle, node: NodeInfo): NodeReport {
  if (!board.fits(node)) return board.report(node)
  const trial = board.trial(node)
  for (const other of state.nominations.against(pod, node.name)) trial.add(other)
  const report = board.report(trial.node)
  trial.undo()
  return report
}

function choose({ board, random }: Cycle, fitting: readonly NodeInfo[], examined: number): Placement {
  if (fitting.length === 1) return { placed: true, node: fitting[0]!, scores: [], fitting: 1, examined }
  const totals = board.score(fitting)
  const chosen = pickHighest(totals, fitting.length, random)
  const scores = [chosen, ...runnersUp(totals, fitting.length, chosen)].map((i) =>
    scoreOf(board, fitting[i]!, totals, i),
  )
  return { placed: true, node: fitting[chosen]!, scores, fitting: fitting.length, examined }
}

/** One of the highest, at random (reservoir sampling). */
function pickHighest(totals: Float64Array, count: number, random: Random): number {
  let best = 0
  let ties = 1
  for (let i = 1; i < count; i++) {
    if (totals[i]! > totals[best]!) {
      best = i
      ties = 1
    } else if (totals[i] === totals[best] && random.next() < 1 / ++ties) best = i
  }
  return best
}

const remembered = 2

/** The next best nodes, best first. */
function runnersUp(totals: Float64Array, count: number, chosen: number): number[] {
  const best: number[] = []
  for (let i = 0; i < count; i++) {
    if (i === chosen || (best.length === remembered && totals[i]! <= totals[best.at(-1)!]!)) continue
    const place = best.findIndex((other) => totals[i]! > totals[other]!)
    best.splice(place < 0 ? best.length : place, 0, i)
    if (best.length > remembered) best.pop()
  }
  return best
}

function scoreOf(board: Board, node: NodeInfo, totals: Float64Array, i: number): NodeScore {
  const plugins: Record<string, number> = {}
  for (const { plugin, weight, values, active } of board.columns) if (active) plugins[plugin] = values[i]! * weight
  return { node: node.name, total: totals[i]!, plugins }
}
