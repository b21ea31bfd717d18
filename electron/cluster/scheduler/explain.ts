import type { Failure } from './schedule.ts'

/** The longest note that an event may have. */
const longest = 1024

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`, what was tried since at its end. */
export function explain(failure: Failure, tried: string): string {
  const { all, refusal } = failure
  if (all === 0) return 'no nodes available to schedule pods'
  const reasons = refusal ? ` ${refusal.reason}.` : countReasons(reasonCounts(failure))
  return `0/${all} nodes are available:${reasons}${tried && ` ${tried}`}`
}

function reasonCounts({ all, reports, restrictedBy }: Failure): Map<string, number> {
  const counts = new Map<string, number>()
  const add = (reason: string, count: number) => counts.set(reason, (counts.get(reason) ?? 0) + count)
  for (const { rejections } of reports) for (const reason of rejections[0].reasons) add(reason, 1)
  const unseen = all - reports.length
  if (unseen > 0) add(`node(s) didn't satisfy plugin(s) [${restrictedBy.join(' ')}]`, unseen)
  return counts
}

function countReasons(counts: ReadonlyMap<string, number>): string {
  const list = [...counts].map(([reason, count]) => `${count} ${reason}`).sort()
  return list.length ? ` ${list.join(', ')}.` : ''
}

/** The same sentence of the nodes on which preemption was tried; of all others it would not have helped. */
export function explainPreemption(all: number, reasons: readonly (readonly string[])[]): string {
  const counts = new Map<string, number>()
  for (const list of reasons) for (const reason of list) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  if (reasons.length < all) counts.set('Preemption is not helpful for scheduling', all - reasons.length)
  return `0/${all} nodes are available:${countReasons(counts)}`
}

export const asNote = (message: string): string =>
  message.length <= longest ? message : `${message.slice(0, longest - 4)} ...`
