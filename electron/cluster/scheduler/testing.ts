import type { Node, Pod } from 'kubernetes-types/core/v1'
import { seededRandom } from '../base/random.ts'
import { Boards } from './board.ts'
import { ClusterState } from './cluster-state.ts'
import { explain } from './explain.ts'
import { PodInfo } from './pod-info.ts'
import { preempt } from './preemption.ts'
import { defaultProfile } from './profile.ts'
import { schedule, type Cycle, type Decision } from './schedule.ts'
import { emptySurroundings, type Surroundings } from './surroundings.ts'

type Spec = Omit<Partial<NonNullable<Pod['spec']>>, 'containers'> & {
  requests?: Record<string, string>
  hostPort?: number
  labels?: Record<string, string>
  namespace?: string
}

/** A pod with one container that requests `requests`. */
export function pod(name: string, { requests, hostPort, labels, namespace = 'default', ...spec }: Spec = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid-${name}`,
      generation: 1,
      resourceVersion: '1',
      ...(labels ? { labels } : {}),
    },
    spec: {
      schedulerName: 'default-scheduler',
      ...spec,
      containers: [
        {
          name: 'c',
          image: 'i',
          ...(requests ? { resources: { requests } } : {}),
          ...(hostPort ? { ports: [{ containerPort: 80, hostPort }] } : {}),
        },
      ],
    },
  }
}

/** The same pod, told to go. */
export const terminating = (one: Pod, status: Pod['status'] = {}): Pod => ({
  ...one,
  metadata: { ...one.metadata!, deletionTimestamp: '2026-01-01T00:00:00Z' },
  status,
})

export function node(
  name: string,
  {
    allocatable,
    labels,
    ...spec
  }: Partial<NonNullable<Node['spec']>> & {
    allocatable?: Record<string, string>
    labels?: Record<string, string>
  } = {},
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec,
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...allocatable } },
  }
}

/** Nodes and pods without an API server: what a cycle decides. */
export class World {
  readonly state: ClusterState
  readonly #boards: Boards
  readonly #random = seededRandom(1)

  constructor({
    nodes,
    running = [],
    surroundings = {},
    plugins = defaultProfile.plugins,
  }: {
    nodes: readonly Node[]
    running?: readonly (readonly [Pod, string])[]
    surroundings?: Partial<Surroundings>
    plugins?: typeof defaultProfile.plugins
  }) {
    this.state = new ClusterState({ ...emptySurroundings, ...surroundings })
    this.#boards = new Boards(plugins, this.state)
    for (const one of nodes) this.state.setNode(one)
    for (const [there, where] of running) this.run(there, where)
  }

  run(there: Pod, where: string): void {
    this.state.setPod({ ...there, spec: { ...there.spec!, nodeName: where } })
  }

  cycle(wanted: Pod): Cycle {
    const info = new PodInfo(wanted)
    return { pod: info, board: this.#boards.for(info), state: this.state, random: this.#random, start: 0 }
  }

  decide(wanted: Pod): Decision {
    return schedule(this.cycle(wanted))
  }

  /** The name of the node, or the message of the event. */
  outcome(wanted: Pod): string {
    const cycle = this.cycle(wanted)
    const decision = schedule(cycle)
    if (decision.placed) return decision.node.name
    if (decision.all === 0) return explain(decision, '')
    if (decision.refusal) return explain(decision, 'not found')
    const preemption = preempt(cycle, decision)
    return explain(decision, 'candidate' in preemption ? '' : `no new claims to deallocate, ${preemption.message}`)
  }

  /** Decides, and counts the pod where it was placed. */
  place(wanted: Pod): string {
    const cycle = this.cycle(wanted)
    const decision = schedule(cycle)
    if (!decision.placed) return ''
    this.state.assume(cycle.pod, decision.node.name)
    return decision.node.name
  }

  preempt(wanted: Pod): ReturnType<typeof preempt> {
    const cycle = this.cycle(wanted)
    const decision = schedule(cycle)
    if (decision.placed) throw new Error(`${wanted.metadata?.name} fits on ${decision.node.name}`)
    return preempt(cycle, decision)
  }
}
