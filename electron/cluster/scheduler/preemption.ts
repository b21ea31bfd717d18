import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import { explainPreemption } from './explain.ts'
import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'
import { type Cycle, type Failure } from './schedule.ts'
import type { Trial } from './trial.ts'

/** A node that would fit once its victims are gone. */
export interface Candidate {
  readonly node: string
  /** Most important first. */
  readonly victims: readonly PodInfo[]
  /** Victims whose disruption budgets do not allow it. */
  readonly violations: number
}

/** What came of the attempt to make room by evicting less important pods. */
export type Preemption =
  | { readonly candidate: Candidate }
  /** Who is eligible, but for whom nothing can be done, loses the nomination that it may have. */
  | { readonly message: string; readonly eligible: boolean }

/** Candidates that are enough to choose among: a tenth of the nodes, at least a hundred. */
const enoughCandidates = (nodes: number): number => Math.min(nodes, Math.max(100, Math.floor(nodes / 10)))

/** Looks for the node where evictions would do the least harm. Source: the DefaultPreemption plug-in. */
export function preempt(cycle: Cycle, failure: Failure): Preemption {
  const reason = ineligible(cycle, failure)
  if (reason) return { message: `preemption: ${reason}`, eligible: false }
  if (!cycle.state.hasLesser(cycle.pod.priority))
    return { message: `preemption: ${withoutVictims(failure)}`, eligible: true }
  const hopeful = failure.reports.filter(({ rejections }) => !rejections[0].unresolvable)
  const offset = Math.floor(cycle.random.next() * hopeful.length)
  const enough = enoughCandidates(hopeful.length)
  const budgets = budgetsFor(cycle)
  const candidates: Candidate[] = []
  const failures: (readonly string[])[] = []
  let harmless = 0
  for (let i = 0; i < hopeful.length; i++) {
    const node = cycle.state.node(hopeful[(offset + i) % hopeful.length]!.node)!
    const found = victimsOn(cycle, node, budgets)
    if ('reasons' in found) {
      failures.push(found.reasons)
      continue
    }
    candidates.push(found)
    if (found.violations === 0) harmless++
    if (harmless > 0 && candidates.length >= enough) break
  }
  if (candidates.length) return { candidate: leastHarm(candidates) }
  return { message: `preemption: ${explainPreemption(failure.all, failures)}`, eligible: true }
}

const noVictims = ['No preemption victims found for incoming pod']

/** What would be found out on every hopeful node, where nobody is less important. */
const withoutVictims = ({ all, reports }: Failure): string =>
  explainPreemption(
    all,
    reports.filter(({ rejections }) => !rejections[0].unresolvable).map(() => noVictims),
  )

function ineligible({ pod, state }: Cycle, { reports }: Failure): string | undefined {
  if (pod.pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.'
  const nominated = state.nominations.nodeOf(pod.uid) ?? pod.pod.status?.nominatedNodeName
  if (!nominated) return undefined
  const report = reports.find(({ node }) => node === nominated)
  if (report?.rejections[0].unresolvable) return undefined
  for (const there of state.node(nominated)?.pods.values() ?? [])
    if (there.priority < pod.priority && isLeaving(there))
      return 'not eligible due to a terminating pod on the nominated node.'
  return undefined
}

/** Terminating because a scheduler has evicted it. */
const isLeaving = ({ terminating, pod }: PodInfo): boolean =>
  terminating &&
  pod.status?.conditions?.some(
    ({ type, status, reason }) =>
      type === 'DisruptionTarget' && status === 'True' && reason === 'PreemptionByScheduler',
  ) === true

function victimsOn(
  cycle: Cycle,
  node: NodeInfo,
  budgets: ReturnType<typeof budgetsFor>,
): Candidate | { readonly reasons: readonly string[] } {
  const possible = [...node.pods.values()].filter(({ priority }) => priority < cycle.pod.priority)
  if (!possible.length) return { reasons: noVictims }
  const trial = cycle.board.trial(node)
  try {
    for (const pod of possible) trial.remove(pod)
    if (!fitsIn(cycle, trial)) return { reasons: cycle.board.report(trial.node).rejections[0]?.reasons ?? [] }
    const { violating, others } = byBudget(possible.sort(byImportance), budgets)
    const victims: PodInfo[] = []
    const reprieve = (pod: PodInfo) => {
      trial.add(pod)
      if (fitsIn(cycle, trial)) return
      trial.remove(pod)
      victims.push(pod)
    }
    for (const pod of violating) reprieve(pod)
    const violations = victims.length
    for (const pod of others) reprieve(pod)
    return { node: node.name, victims: victims.sort(byImportance), violations }
  } finally {
    trial.undo()
  }
}

/** With and without the pods that are nominated for the node. */
function fitsIn({ pod, state }: Cycle, trial: Trial): boolean {
  if (!trial.fits()) return false
  const others = state.nominations.against(pod, trial.node.name)
  if (!others.length) return true
  for (const other of others) trial.add(other)
  const fitting = trial.fits()
  for (const other of others) trial.remove(other)
  return fitting
}

/** Higher priority first, then the longer running. */
const byImportance = (a: PodInfo, b: PodInfo): number =>
  b.priority - a.priority || (startOf(a) < startOf(b) ? -1 : startOf(a) > startOf(b) ? 1 : 0)

/** What has not started counts as starting now: later than all others. Times of RFC 3339 compare as text. */
const startOf = ({ pod }: PodInfo): string => (pod.status?.startTime as string | undefined) ?? '~'

type Budget = Frozen<PodDisruptionBudget>

const budgetsFor =
  ({ state }: Cycle) =>
  (namespace: string): readonly Budget[] =>
    state.surroundings.budgets(namespace)

/** Splits pods by whether their budgets would be overdrawn if all were evicted in this order. */
function byBudget(
  pods: readonly PodInfo[],
  budgets: (namespace: string) => readonly Budget[],
): { violating: PodInfo[]; others: PodInfo[] } {
  const allowed = new Map<Budget, number>()
  const violating: PodInfo[] = []
  const others: PodInfo[] = []
  for (const pod of pods) {
    let overdrawn = false
    for (const budget of budgets(pod.namespace)) {
      const selector = selectorOf(budget.spec?.selector)
      if (!selector.length || !Object.keys(pod.labels).length || !matches(selector, pod.labels)) continue
      // Its eviction has been counted already.
      if (budget.status?.disruptedPods?.[pod.name]) continue
      const left = (allowed.get(budget) ?? budget.status?.disruptionsAllowed ?? 0) - 1
      allowed.set(budget, left)
      if (left < 0) overdrawn = true
    }
    ;(overdrawn ? violating : others).push(pod)
  }
  return { violating, others }
}

/**
 * Fewest violated budgets, then the lowest of the highest priorities, then the smallest sum of priorities, then the
 * fewest victims, then the most recently started. Source: pickOneNodeForPreemption.
 */
function leastHarm(candidates: readonly Candidate[]): Candidate {
  const sum = ({ victims }: Candidate) => victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0)
  const criteria: ((candidate: Candidate) => number)[] = [
    ({ violations }) => violations,
    ({ victims }) => victims[0]!.priority,
    sum,
    ({ victims }) => victims.length,
  ]
  let left = candidates
  for (const criterion of criteria) {
    const least = Math.min(...left.map(criterion))
    left = left.filter((candidate) => criterion(candidate) === least)
    if (left.length === 1) return left[0]!
  }
  const earliest = ({ victims }: Candidate): string =>
    victims
      .filter(({ priority }) => priority === victims[0]!.priority)
      .map(startOf)
      .reduce((a, b) => (a < b ? a : b))
  return left.reduce((best, next) => (earliest(next) > earliest(best) ? next : best))
}
