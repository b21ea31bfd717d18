import { qualityOfService } from '#shared/kube/quota/quality-of-service.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../../equal.ts'
import { forbidden, invalid } from '../../validation/field.ts'
import { compare } from '../../validation/quantities.ts'
import { mirrorAnnotation } from './annotations.ts'
import type { Container, Pod } from './types.ts'
import { validatePod } from './validation.ts'

type Lists = 'containers' | 'initContainers'

/** /resize changes nothing but the resources of containers and pod: everything else comes from the old pod. */
export function keepAllButResources(pod: Pod, old: Pod): void {
  const merge = (list: Lists): Container[] | undefined => {
    const now = pod.spec?.[list]
    const before = old.spec?.[list]
    const renamed = now?.length !== before?.length || now?.some((container, i) => container.name !== before?.[i]?.name)
    // A list that was reordered is left for validation to refuse.
    if (renamed) return now
    return before?.map((container, i) => {
      const { resources, resizePolicy } = now![i]!
      const merged: Container = { ...container, resources }
      if (resizePolicy) merged.resizePolicy = resizePolicy
      else delete merged.resizePolicy
      return merged
    })
  }
  const containers = merge('containers')
  const initContainers = merge('initContainers')
  const resources = pod.spec?.resources
  pod.spec = { ...old.spec, containers, ...(initContainers ? { initContainers } : {}) }
  if (resources) pod.spec.resources = resources
  else delete pod.spec.resources
  if (old.status) pod.status = old.status
}

/** Source: ValidatePodResize. */
export function validateResize(pod: Pod, old: Pod): FieldError[] {
  const refused = refusalOf(pod, old)
  if (refused) return [forbidden('', refused)]
  const errors = validatePod(pod)
  if ((old.status?.qosClass ?? qualityOfService(old.spec)) !== qualityOfService(pod.spec)) {
    errors.push(invalid('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'))
  }
  const [own, ofOld] = [{ resources: pod.spec?.resources }, { resources: old.spec?.resources }]
  errors.push(...validateRemovals(own, ofOld, 'spec.resources'))
  if (!semanticEqual(withoutComputeResources(own), withoutComputeResources(ofOld)))
    errors.push(forbidden('spec', 'only cpu and memory resources are mutable'))
  for (const list of ['initContainers', 'containers'] as const) {
    for (const [i, before] of (old.spec?.[list] ?? []).entries()) {
      const now = pod.spec?.[list]?.[i]
      if (!now) continue
      errors.push(...validateContainerResize(now, before, `spec.${list}[${i}].resources`))
      if (!semanticEqual(withoutComputeResources(now), withoutComputeResources(before))) {
        errors.push(
          forbidden(
            'spec',
            list === 'containers'
              ? 'only cpu and memory resources are mutable'
              : 'only cpu and memory resources for sidecar containers are mutable',
          ),
        )
      }
    }
  }
  return errors
}

function refusalOf(pod: Pod, old: Pod): string | undefined {
  if (old.metadata?.annotations?.[mirrorAnnotation] !== undefined) return 'static pods cannot be resized'
  return old.spec?.os?.name === 'windows' ? 'windows pods cannot be resized' : undefined
}

function validateRemovals(now: Container, before: Container, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const part of ['requests', 'limits'] as const) {
    const lost = Object.keys(before.resources?.[part] ?? {}).some((name) => now.resources?.[part]?.[name] === undefined)
    if (lost) errors.push(forbidden(`${path}.${part}`, `resource ${part} cannot be removed`))
  }
  return errors
}

function validateContainerResize(now: Container, before: Container, path: string): FieldError[] {
  const errors = validateRemovals(now, before, path)
  const policy = now.resizePolicy?.find(({ resourceName }) => resourceName === 'memory')?.restartPolicy ?? 'NotRequired'
  const limit = now.resources?.limits?.memory
  const oldLimit = before.resources?.limits?.memory
  if (policy !== 'NotRequired' || limit === undefined) return errors
  // Source, since v1.34: a decrease is tried by the kubelet as well as it can; an added limit is not.
  if (oldLimit === undefined && compare(limit, '0') > 0) {
    errors.push(
      forbidden(`${path}.limits[memory]`, 'memory limits cannot be added unless resizePolicy is RestartContainer'),
    )
  }
  return errors
}

function withoutComputeResources(container: Container): Container {
  const strip = (list: Record<string, string | undefined> | undefined) => {
    const { cpu: _cpu, memory: _memory, ...rest } = list ?? {}
    return rest
  }
  const resources = { limits: strip(container.resources?.limits), requests: strip(container.resources?.requests) }
  return { ...container, resources, resizePolicy: undefined }
}
