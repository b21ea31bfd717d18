import { z } from 'zod'
import { request, stream } from './define.ts'
import { contextId, objectName } from './words.ts'

export const nodeRef = z.object({ context: contextId, name: objectName })

/** What has to be agreed to before a pod may go: its files are lost, or nobody makes it anew. */
export type DrainConsent = 'emptyDir' | 'unmanaged'

export interface DrainPod {
  namespace: string
  name: string
  uid: string
  /** `kind/name` of the controller. */
  owner?: string
  /** Why it is left where it is: its daemon set would put it back, or the kubelet runs it from a file. */
  stays?: 'daemonSet' | 'static'
  needs: DrainConsent[]
  /** Names of the budgets of its namespace that cover it. */
  budgets: string[]
}

export interface DrainBudget {
  namespace: string
  name: string
  /** How many of its pods may be disrupted now, and how many are to go. */
  allowed: number
  leaving: number
  healthy: number
  desired: number
}

export interface DrainPlan {
  pods: DrainPod[]
  budgets: DrainBudget[]
}

/** `blocked`: a budget allows no disruption at present; asked again until it does. `left`: it was not to go. */
export type DrainState = 'waiting' | 'blocked' | 'leaving' | 'gone' | 'left' | 'failed'

/** The whole of it, again after every change. */
export interface DrainProgress {
  cordoned: boolean
  pods: { namespace: string; name: string; uid: string; state: DrainState; message?: string }[]
}

export const nodeRequests = {
  /** What a drain would do, without doing any of it. */
  'node.drainPlan': request<DrainPlan>()(nodeRef),
}

export const nodeStreams = {
  /** Cordons the node and evicts its pods; ends when all are gone. Closing it stops asking; what was evicted stays so. */
  'node.drain': stream<DrainProgress>()(
    nodeRef.extend({
      consents: z.array(z.enum(['emptyDir', 'unmanaged'])).max(2),
      /** Seconds for each pod; its own when absent. */
      gracePeriodSeconds: z.number().int().min(0).max(86_400).optional(),
    }),
    z.never(),
  ),
}
