import type { KubeObject } from '#shared/kube/object.ts'
import type { LimitRange } from '../registry/core/limit-range.ts'
import type { Pod } from '../registry/core/pod/types.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { applyDefaults } from './limits/defaults.ts'
import { claimProblems, podProblems } from './limits/constraints.ts'
import { created, forbidden, isAbout, joined } from './request.ts'

type Claim = KubeObject & { spec?: { resources?: { requests?: Record<string, string> } } }

const rangesOf = ({ services, namespace }: AdmissionRequest): readonly LimitRange[] =>
  services.list<LimitRange>({ group: '', plural: 'limitranges' }, namespace)

/** Defaults and bounds of resources, by namespace. Source: plugin/pkg/admission/limitranger. */
export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  mutate(request) {
    const pod = created<Pod>(request, '', 'pods')
    if (pod) for (const range of rangesOf(request)) applyDefaults(range, pod)
  },
  validate(request) {
    const pod = created<Pod>(request, '', 'pods')
    const claim =
      request.operation !== 'DELETE' && isAbout(request, '', 'persistentvolumeclaims')
        ? (request.object as Claim)
        : undefined
    if (!pod && !claim) return
    for (const range of rangesOf(request)) {
      const problems = pod ? podProblems(range, pod.spec ?? {}) : claimProblems(range, claim?.spec?.resources?.requests)
      if (problems.length) throw forbidden(request, joined(problems))
    }
  },
}
