import type { KubeObject } from '#shared/kube/object.ts'
import { badRequest, conflict, type Status } from '#shared/kube/status.ts'
import { timestamp } from '../../../../base/clock.ts'
import { unexplained } from '../../../../schema/patch/patch-object.ts'
import type { ActionServices, StrategyContext } from '../../kind.ts'
import { metaOf } from '../../loose.ts'
import type { Pod } from './types.ts'
import { validateBinding } from './validation.ts'

export type Binding = KubeObject & { target?: { kind?: string; name?: string } }

export const success: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }

/** Gives the pod its node, once. Source: BindingREST. */
export async function bindPod(
  binding: Binding,
  name: string,
  services: ActionServices,
  context: StrategyContext,
): Promise<KubeObject> {
  if ((binding.metadata?.name ?? '') !== name) throw badRequest('name in URL does not match name in Binding object')
  const errors = validateBinding(binding.target)
  // Upstream has no strategy for bindings, and hands the errors on as they are.
  const texts = errors.map(({ field, message }) => `${field}: ${message}`)
  if (texts.length) throw unexplained(texts.length > 1 ? `[${texts.join(', ')}]` : texts[0]!)
  const refuse = (text: string) => conflict({ group: '', plural: 'pods/binding' }, name, text)
  await services.update<Pod>({ group: '', plural: 'pods' }, context.namespace, name, (pod) => {
    const spec = (pod.spec ??= {})
    const uid = binding.metadata?.uid
    if (uid && uid !== pod.metadata?.uid) {
      throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata?.uid ?? ''}`)
    }
    if (pod.metadata?.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`)
    if (spec.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`)
    if (spec.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`)
    spec.nodeName = binding.target!.name
    const metadata = metaOf(pod)
    if (binding.metadata?.annotations)
      metadata.annotations = { ...metadata.annotations, ...binding.metadata.annotations }
    if (binding.metadata?.labels) metadata.labels = { ...metadata.labels, ...binding.metadata.labels }
    setCondition(pod, { type: 'PodScheduled', status: 'True' }, context)
    // A stale hint must not reach components that look at it.
    delete pod.status?.nominatedNodeName
  })
  return success as unknown as KubeObject
}

interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
}

/** Adds or replaces; the transition's time moves only when the status does. */
export function setCondition(pod: Pod, condition: Condition, context: StrategyContext): void {
  const conditions = ((pod.status ??= {}).conditions ??= [])
  const known = conditions.findIndex(({ type }) => type === condition.type)
  const old = conditions[known]
  const since = old?.status === condition.status ? old.lastTransitionTime : timestamp(context.clock.now())
  const next = { ...condition, lastProbeTime: undefined, lastTransitionTime: since }
  if (known < 0) conditions.push(next)
  else conditions[known] = next
}
