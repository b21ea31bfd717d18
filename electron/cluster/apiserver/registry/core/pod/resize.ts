import { qualityOfService } from '#shared/kube/quota/quality-of-service.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../../equal.ts'
import { forbidden, invalid } from '../../validation/field.ts'
import { mirrorAnnotation } from './annotations.ts'
import { isSidecar, type Container, type Pod, type PodSpec } from './types.ts'
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
  const refused = refusalOf(old)
  if (refused) return [forbidden('', refused)]
  const [spec, before] = [pod.spec ?? {}, old.spec ?? {}]
  const errors = validatePod(pod, before)
  if ((old.status?.qosClass ?? qualityOfService(before)) !== qualityOfService(spec)) {
    errors.push(invalid('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'))
  }
  if (!isSupportedByNode(old)) errors.push(forbidden('spec', 'Pod running on node without support for resize'))
  errors.push(...validateResizeOfPod(spec, before))
  const moved = validateOrder(spec, before)
  if (moved.length) return [...errors, ...moved]
  for (const list of ['initContainers', 'containers'] as const) {
    for (const [i, old] of (before[list] ?? []).entries())
      errors.push(...validateRemovals(spec[list]![i]!, old, `spec.${list}[${i}].resources`, 'resource'))
  }
  for (const [i, old] of (before.containers ?? []).entries()) {
    if (!sameButCompute(spec.containers![i]!, old))
      errors.push(forbidden('spec', 'only cpu and memory resources are mutable'))
  }
  for (const [i, old] of (before.initContainers ?? []).entries())
    errors.push(...validateResizeOfInit(spec.initContainers![i]!, old, `spec.initContainers[${i}]`))
  return errors
}

/** A kubelet that tells of resources can change them. */
function isSupportedByNode({ status }: Pod): boolean {
  const running = status?.containerStatuses?.find(({ state }) => state?.running)
  return !running || running.resources !== undefined
}

function validateResizeOfPod({ resources }: PodSpec, { resources: before }: PodSpec): FieldError[] {
  const isSaid = (own: typeof resources) => Object.keys({ ...own?.requests, ...own?.limits }).length > 0
  if (!isSaid(resources) && !isSaid(before)) return []
  if (before && !resources) return [forbidden('spec.resources', 'pod-level resources cannot be removed')]
  const errors = before
    ? validateRemovals({ resources }, { resources: before }, 'spec.resources', 'pod-level resource')
    : []
  if (!sameButCompute({ resources }, { resources: before }))
    errors.push(forbidden('spec', 'only cpu and memory resources are mutable at pod-level'))
  return errors
}

/** Containers are told apart by their place. */
const validateOrder = (spec: PodSpec, before: PodSpec): FieldError[] =>
  (['containers', 'initContainers'] as const).flatMap((list) => {
    const [now, old] = [spec[list] ?? [], before[list] ?? []]
    if (now.length !== old.length) return [forbidden(`spec.${list}`, `${list} may not be added or removed on resize`)]
    return old.flatMap(({ name }, i) =>
      now[i]!.name === name
        ? []
        : [forbidden(`spec.${list}[${i}].name`, `${list} may not be renamed or reordered on resize`)],
    )
  })

function validateResizeOfInit(now: Container, before: Container, path: string): FieldError[] {
  const errors = sameButCompute(now, before)
    ? []
    : [forbidden(path, 'only cpu and memory resources for init or sidecar containers are mutable')]
  if (isSidecar(now) || semanticEqual(now, before)) return errors
  const text = 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'
  for (const { restartPolicy } of now.resizePolicy ?? [])
    if (restartPolicy === 'RestartContainer') errors.push(forbidden(path, text))
  return errors
}

function refusalOf(old: Pod): string | undefined {
  if (old.metadata?.annotations?.[mirrorAnnotation] !== undefined) return 'static pods cannot be resized'
  return old.spec?.os?.name === 'windows' ? 'windows pods cannot be resized' : undefined
}

function validateRemovals(now: Container, before: Container, path: string, what: string): FieldError[] {
  const errors: FieldError[] = []
  for (const part of ['requests', 'limits'] as const) {
    const lost = Object.keys(before.resources?.[part] ?? {}).some((name) => now.resources?.[part]?.[name] === undefined)
    if (lost) errors.push(forbidden(`${path}.${part}`, `${what} ${part} cannot be removed`))
  }
  return errors
}

const sameButCompute = (now: Container, before: Container): boolean =>
  semanticEqual(withoutComputeResources(now), withoutComputeResources(before))

function withoutComputeResources(container: Container): Container {
  const strip = (list: Record<string, string | undefined> | undefined) => {
    const { cpu: _cpu, memory: _memory, ...rest } = list ?? {}
    return rest
  }
  const resources = { limits: strip(container.resources?.limits), requests: strip(container.resources?.requests) }
  return { ...container, resources }
}
