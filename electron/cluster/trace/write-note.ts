import type { Event } from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { nodes, pods } from '#shared/kube/resources.ts'
import type { TracedKind, TraceNote } from '../base/trace.ts'
import type { StoredWrite } from '../apiserver/handlers/operation.ts'
import { changeBetween, outlineOf, statusChangeBetween } from './changes.ts'

const serviceAccount = 'system:serviceaccount:kube-system:'
const node = 'system:node:'

/** Loops of the cluster that act only on what somebody asked of an object; controllers say themselves what made them. */
const reactors = /^(system:node:|system:kube-scheduler$|system:kube-proxy$|system:apiserver$|wheelhouse:)/
/** The work of node agents shows in no write but the events that they report of it. */
const agents = /^(system:node:|wheelhouse:simulator$)/

/** What the trace keeps of a write; undefined where it is not worth it. */
export function noteOf(write: StoredWrite): TraceNote | undefined {
  const { op, action, object, revision } = write
  const { kind, subresource, user, manager, cause } = op
  const { group, plural } = kind.definition
  if (group === 'coordination.k8s.io') return undefined
  if (plural === 'events')
    return action === 'create' && agents.test(user.name) ? reportOf(op.user.name, object) : undefined
  const isStatus = subresource?.name === 'status'
  const change = changeIn(write, isStatus)
  // A time or a generation, and nothing else: heartbeats, mostly.
  if (change === '' && isStatus) return undefined
  const { namespace, name = op.name, uid } = object.metadata ?? {}
  return {
    user: user.name,
    component: componentOf(user.name, manager),
    cause,
    reacts: !cause && (isStatus || reactors.test(user.name)),
    action: subresource && action !== subresource.name ? `${action}/${subresource.name}` : action,
    kind: kind.definition,
    namespace,
    name,
    uid,
    resourceVersion: String(revision),
    change,
  }
}

function changeIn({ action, old, object, gone, input }: StoredWrite, status: boolean): string {
  if (action === 'binding') return `node ${(input as { target?: { name?: string } }).target?.name ?? ''}`
  if (!old) return action === 'create' ? outlineOf(object) : ''
  if (action !== 'delete') {
    const change = status ? statusChangeBetween(old, object) : changeBetween(old, object)
    return gone ? `${change}${change && ', '}gone` : change
  }
  if (gone) return 'gone'
  const { finalizers = [], deletionGracePeriodSeconds: grace = 0 } = object.metadata ?? {}
  return finalizers.length ? `waits for ${finalizers.join(', ')}` : `within ${grace} s`
}

/** What an agent reports that it did to a pod or a node. */
function reportOf(user: string, object: KubeObject): TraceNote | undefined {
  const { involvedObject: about, reason = '', message = '' } = object as Event
  const kind: TracedKind | undefined = about?.kind === 'Pod' ? pods : about?.kind === 'Node' ? nodes : undefined
  if (!kind || !about?.name) return undefined
  return {
    user,
    component: componentOf(user, ''),
    reacts: true,
    action: reason,
    kind,
    namespace: about.namespace,
    name: about.name,
    uid: about.uid,
    resourceVersion: undefined,
    change: message.slice(0, 240),
  }
}

/** The program behind a user, as people know it. */
function componentOf(user: string, manager: string): string {
  if (user.startsWith(node)) return 'kubelet'
  if (user === 'system:apiserver') return 'kube-apiserver'
  if (user.startsWith(serviceAccount)) return user.slice(serviceAccount.length)
  return /^(system|wheelhouse):[^:]+$/.test(user) ? user.slice(user.indexOf(':') + 1) : manager
}
