import type { KubeObject } from '#shared/kube/object.ts'
import { compareQuantities, parseQuantity } from '#shared/kube/quantity.ts'
import type { Pod, PodSpec, Toleration } from '../registry/core/pod/types.ts'
import { semanticEqual } from '../registry/equal.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { entries } from '../registry/loose.ts'
import { created, forbidden } from './request.ts'

type List = Record<string, string>

interface RuntimeClass extends KubeObject {
  overhead?: { podFixed?: List }
  scheduling?: { nodeSelector?: List; tolerations?: Toleration[] }
}

function classOf(request: AdmissionRequest, spec: PodSpec): RuntimeClass | undefined {
  const name = spec.runtimeClassName
  if (name === undefined) return undefined
  const found = request.services.get<RuntimeClass>({ group: 'node.k8s.io', plural: 'runtimeclasses' }, undefined, name)
  if (!found) throw forbidden(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`)
  return found
}

function sameList(a: Readonly<Record<string, string | undefined>>, b: List): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every(
      (name) => b[name] !== undefined && compareQuantities(parseQuantity(a[name] ?? '0'), parseQuantity(b[name])) === 0,
    )
  )
}

function setOverhead(request: AdmissionRequest, spec: PodSpec, overhead: List): void {
  if (spec.overhead && !sameList(spec.overhead, overhead)) {
    throw forbidden(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
  }
  spec.overhead = { ...overhead }
}

function setScheduling(
  request: AdmissionRequest,
  spec: PodSpec,
  { nodeSelector, tolerations }: NonNullable<RuntimeClass['scheduling']>,
): void {
  for (const [key, value] of entries(nodeSelector)) {
    const own = spec.nodeSelector?.[key]
    if (own !== undefined && own !== value) {
      throw forbidden(
        request,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      )
    }
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value }
  }
  const added = (tolerations ?? []).filter((each) => !spec.tolerations?.some((own) => semanticEqual(own, each)))
  if (added.length) spec.tolerations = [...(spec.tolerations ?? []), ...added]
}

/** What a runtime class says about its pods. Source: plugin/pkg/admission/runtimeclass. */
export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  mutate(request) {
    const spec = created<Pod>(request, '', 'pods')?.spec
    const found = spec && classOf(request, spec)
    if (!found) return
    if (found.overhead?.podFixed) setOverhead(request, spec, found.overhead.podFixed)
    if (found.scheduling) setScheduling(request, spec, found.scheduling)
  },
  validate(request) {
    const spec = created<Pod>(request, '', 'pods')?.spec
    if (!spec?.overhead || classOf(request, spec)?.overhead?.podFixed) return
    throw forbidden(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead')
  },
}
