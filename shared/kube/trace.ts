import type { KubeObject } from './object.ts'
import type { ResourceType } from './resources.ts'

/** An object as a trace names it: a reference as events have it. */
export interface TracedObject {
  apiVersion?: string
  kind: string
  namespace?: string
  name: string
  uid?: string
  resourceVersion?: string
}

/** trace.wheelhouse.dev/v1: one thing that somebody did to an object, and what made them. */
export interface Trace extends KubeObject {
  /** RFC 3339 with microseconds. */
  time: string
  user: string
  component: string
  action: string
  object: TracedObject
  change?: string
  failure?: string
  /** What this trace is called by those that came of it. */
  id: string
  cause?: { object?: TracedObject; trace?: string }
  /** The id of the trace that all of this began with. */
  root: string
  depth: number
}

/** How much of a resource is lacking: quantities. */
export interface MissingResource {
  resource: string
  requested: string
  /** On the node that lacks least, and on the one that lacks most. */
  least: string
  most: string
}

/** What one plug-in of the scheduler has against all nodes of a group. */
export interface PluginRejection {
  name: string
  /** As the scheduler's events word it. */
  reasons: string[]
  /** What exactly, where it can be told: a taint, a selector. */
  detail?: string
  missing?: MissingResource[]
}

/** Nodes that will not do for the same reasons. */
export interface RejectedNodes {
  count: number
  plugins: PluginRejection[]
  /** Some of them, those that lack least first. */
  nodes: RejectedNode[]
  /** Evicting other pods could help. */
  evictionHelps: boolean
}

export interface RejectedNode {
  name: string
  /** Only where a resource lacks. */
  missing?: { resource: string; free: string; missing: string }[]
}

export interface NodeScore {
  node: string
  total: number
  plugins: { name: string; score: number }[]
}

export type DecisionResult = 'Placed' | 'Unschedulable' | 'Nominated' | 'Gated' | 'Waiting' | 'Failed' | 'Foreign'

/** trace.wheelhouse.dev/v1: what the scheduler decided about the pod of the same name, and why. */
export interface SchedulingDecision extends KubeObject {
  podUID: string
  scheduler: string
  result: DecisionResult
  /** One sentence for people. */
  summary: string
  /** When it was decided; absent where nothing has been yet. */
  decidedAt?: string
  /** What the scheduler's event says. */
  message?: string
  node?: string
  /** Of a placed pod: of the chosen node, then of the runners-up. */
  scores?: NodeScore[]
  /** How many nodes there were, were looked at, and would have done. */
  nodes?: { total?: number; examined: number; fitting: number }
  rejections?: RejectedNodes[]
  preemption?: { result: 'Started' | 'NoHelp' | 'NotTried'; message?: string; node?: string; victims?: string[] }
  retry?: { state: string; attempts: number; after?: string; wakes?: { plugin: string; events: string[] }[] }
}

/** Names of traces begin with so much of their object's name. */
export const longestName = 200

export const traceGroup = 'trace.wheelhouse.dev'
const served = { group: traceGroup, version: 'v1', namespaced: true }

/** Not among the resources that every cluster has: only the built-in one serves them. */
export const traces: ResourceType<Trace> = { ...served, plural: 'traces', kind: 'Trace' }
export const schedulingDecisions: ResourceType<SchedulingDecision> = {
  ...served,
  plural: 'schedulingdecisions',
  kind: 'SchedulingDecision',
}
