import type { KubeObject } from '#shared/kube/object.ts'
import type { Pod } from '../registry/core/pod/types.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { created, forbidden, isAbout } from './request.ts'

interface PriorityClass extends KubeObject {
  value?: number
  globalDefault?: boolean
  preemptionPolicy?: string
}

const group = 'scheduling.k8s.io'
const plural = 'priorityclasses'

/** Of several defaults the lowest counts. */
function defaultClass({ services }: AdmissionRequest): PriorityClass | undefined {
  let lowest: PriorityClass | undefined
  for (const each of services.list<PriorityClass>({ group, plural }, undefined)) {
    if (each.globalDefault && (!lowest || (each.value ?? 0) < (lowest.value ?? 0))) lowest = each
  }
  return lowest
}

function prioritize(request: AdmissionRequest, pod: Pod): void {
  const spec = (pod.spec ??= {})
  const asked = spec.priorityClassName
  const found = asked ? request.services.get<PriorityClass>({ group, plural }, undefined, asked) : defaultClass(request)
  if (asked && !found) throw forbidden(request, `no PriorityClass with name ${asked} was found`)
  if (found?.metadata?.name) spec.priorityClassName = found.metadata.name
  const priority = found?.value ?? 0
  if (spec.priority !== undefined && spec.priority !== priority) {
    throw forbidden(
      request,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
    )
  }
  spec.priority = priority
  const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority'
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    throw forbidden(
      request,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    )
  }
  spec.preemptionPolicy = policy
}

/** The names of priorities become numbers when pods are made. Source: plugin/pkg/admission/priority. */
export const priority: AdmissionPlugin = {
  name: 'Priority',
  mutate(request) {
    const pod = created<Pod>(request, '', 'pods')
    if (pod) prioritize(request, pod)
  },
  validate(request) {
    const { operation } = request
    if (operation === 'DELETE' || !isAbout(request, group, plural) || !(request.object as PriorityClass).globalDefault)
      return
    const other = defaultClass(request)?.metadata?.name
    if (other === undefined || (operation === 'UPDATE' && other === request.object?.metadata?.name)) return
    throw forbidden(request, `PriorityClass ${other} is already marked as default. Only one default can exist`)
  },
}
