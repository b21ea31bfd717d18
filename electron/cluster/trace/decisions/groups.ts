import type { PluginRejection, RejectedNode, RejectedNodes } from '#shared/kube/trace.ts'
import type { NodeReport } from '../../scheduler/board.ts'
import type { Shortage } from '../../scheduler/plugins/api.ts'
import { quantity } from './amounts.ts'

/** So many nodes of a group are named. */
const named = 10

/** A group, and what nodes lack as numbers, for whoever puts it into words. */
export interface Group extends RejectedNodes {
  /** By resource: the least that is missing, the most, and whether even empty nodes have too little. */
  readonly lacks: ReadonlyMap<string, { least: number; most: number; tooSmall: boolean }>
}

/** What more is to be said of a plug-in's rejection of a node, such as the taint; nodes with another are another group. */
export type DetailOf = (plugin: string, node: string) => string | undefined

interface Member {
  readonly report: NodeReport
  /** The largest share of what is wanted that is missing. */
  readonly distance: number
}

/** Nodes by what they are rejected for, the largest group first. */
export function groupNodes(reports: readonly NodeReport[], detailOf: DetailOf): Group[] {
  const groups = new Map<string, { members: Member[]; details: (string | undefined)[] }>()
  for (const report of reports) {
    const details = report.rejections.map(({ plugin }) => detailOf(plugin, report.node))
    const key = report.rejections
      .map(({ plugin, reasons, unresolvable }, i) => [plugin, ...reasons, details[i] ?? '', unresolvable].join('\n'))
      .join('\n\n')
    let group = groups.get(key)
    if (!group) groups.set(key, (group = { members: [], details }))
    group.members.push({ report, distance: distanceOf(report) })
  }
  return [...groups.values()].sort((a, b) => b.members.length - a.members.length).map(describe)
}

const shortages = ({ rejections }: NodeReport): Shortage[] => rejections.flatMap(({ missing }) => missing ?? [])
const missingOf = ({ requested, used, capacity }: Shortage): number => requested + used - capacity

const distanceOf = (report: NodeReport): number =>
  shortages(report).reduce((most, shortage) => Math.max(most, missingOf(shortage) / shortage.requested), 0)

function describe({ members, details }: { members: Member[]; details: (string | undefined)[] }): Group {
  const first = members[0]!.report
  const lacks = lacksOf(members)
  const plugins = first.rejections.map(({ plugin, reasons, missing }, i): PluginRejection => {
    const detail = details[i]
    return {
      name: plugin,
      reasons: [...reasons],
      ...(detail === undefined ? {} : { detail }),
      ...(missing?.length
        ? {
            missing: missing.map(({ resource, requested }) => ({
              resource,
              requested: quantity(resource, requested),
              least: quantity(resource, lacks.get(resource)!.least),
              most: quantity(resource, lacks.get(resource)!.most),
            })),
          }
        : {}),
    }
  })
  members.sort((a, b) => a.distance - b.distance)
  return {
    count: members.length,
    plugins,
    nodes: members.slice(0, named).map(({ report }) => nodeOf(report)),
    evictionHelps: !first.rejections[0].unresolvable,
    lacks,
  }
}

function lacksOf(members: readonly Member[]): Group['lacks'] {
  const lacks = new Map<string, { least: number; most: number; tooSmall: boolean }>()
  for (const { report } of members)
    for (const shortage of shortages(report)) {
      const { resource, requested, capacity } = shortage
      const missing = missingOf(shortage)
      const known = lacks.get(resource) ?? { least: Infinity, most: 0, tooSmall: true }
      lacks.set(resource, {
        least: Math.min(known.least, missing),
        most: Math.max(known.most, missing),
        tooSmall: known.tooSmall && requested > capacity,
      })
    }
  return lacks
}

function nodeOf(report: NodeReport): RejectedNode {
  const missing = shortages(report).map((shortage) => ({
    resource: shortage.resource,
    free: quantity(shortage.resource, Math.max(0, shortage.capacity - shortage.used)),
    missing: quantity(shortage.resource, missingOf(shortage)),
  }))
  return { name: report.node, ...(missing.length ? { missing } : {}) }
}
