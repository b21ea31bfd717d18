import { z } from 'zod'
import { stream } from './define.ts'
import { contextId } from './words.ts'
import type { Freshness, Tone } from './queries.ts'

/** Cores or bytes. */
export interface Amounts {
  /** Null where nothing tells of usage. */
  used: number | null
  /** What the pods there ask for, those that have ended left out. */
  requested: number
  /** What the node has for pods. */
  room: number
}

export interface NodeCapacity {
  uid: string
  name: string
  tone: Tone
  /** In a word. */
  status: string
  cpu: Amounts
  memory: Amounts
  /** How many pods there are of each tone, those that have ended left out. */
  pods: Record<Tone, number>
  podRoom: number
}

export interface Capacity {
  nodes: NodeCapacity[]
  cpu: Amounts
  memory: Amounts
  /** Pods that are on no node yet, and what they ask for. */
  unplaced: { pods: number; cpu: number; memory: number }
  freshness: Freshness
}

export const capacityStreams = {
  /** What nodes have, what pods ask of them and what is used; at most once a second, the whole of it. */
  'capacity.watch': stream<Capacity>()(z.object({ context: contextId }), z.never()),
}
