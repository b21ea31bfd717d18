import type { Affinity } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { PodView } from '../framework/support/pods.ts'
import type { Template } from '../framework/support/template-hash.ts'
import { daemonTolerations, type SetView } from './nodes.ts'
import { compareText } from '../framework/support/order.ts'

/** Of revisions and their pods. */
export const hashLabel = 'controller-revision-hash'
const generationLabel = 'pod-template-generation'
const generationAnnotation = 'deprecated.daemonset.template.generation'

/** The number of the template as older versions counted; undefined where the annotation holds none. */
export function templateGeneration(set: SetView): string | undefined {
  const text = set.metadata?.annotations?.[generationAnnotation]
  return text !== undefined && /^-?\d+$/.test(text) ? String(BigInt(text)) : undefined
}

/** The template of the set's pod on a node: the scheduler can bind it nowhere else. */
export function templateFor(set: SetView, hash: string): (node: string) => Template {
  const template: Template = set.spec?.template ?? {}
  const spec = template.spec ?? { containers: [] }
  const generation = templateGeneration(set)
  const labels = {
    ...template.metadata?.labels,
    ...(generation === undefined ? {} : { [generationLabel]: generation }),
    [hashLabel]: hash,
  }
  const tolerations = daemonTolerations(spec)
  return (node) => ({
    metadata: { ...template.metadata, labels },
    spec: { ...spec, tolerations, affinity: boundTo(node, spec.affinity) },
  })
}

/** What the template requires of nodes has been checked; its preferences stay. */
const boundTo = (node: string, affinity: Frozen<Affinity> | undefined): Frozen<Affinity> => ({
  ...affinity,
  nodeAffinity: {
    ...affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
    },
  },
})

/** The node a pod is on or is bound for; undefined when it is not bound for one alone. */
export function targetNode({ spec }: PodView): string | undefined {
  if (spec?.nodeName) return spec.nodeName
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const fields = required?.nodeSelectorTerms.flatMap(({ matchFields }) => matchFields ?? []) ?? []
  const named = fields.find(({ key, operator }) => key === 'metadata.name' && operator === 'In')
  return named?.values?.length === 1 ? named.values[0] : undefined
}

/** Whether a pod is of the template as it is. */
export function isUpdated(set: SetView, hash: string): (pod: PodView) => boolean {
  const generation = templateGeneration(set)
  return ({ metadata }) =>
    metadata?.labels?.[hashLabel] === hash ||
    (generation !== undefined && metadata?.labels?.[generationLabel] === generation)
}

/** Those that are on their node before those on their way, the oldest first. */
export function bySeniority(a: PodView, b: PodView): number {
  const age = (pod: PodView) => pod.metadata?.creationTimestamp ?? ''
  const name = (pod: PodView) => pod.metadata?.name ?? ''
  return (
    Number(!a.spec?.nodeName) - Number(!b.spec?.nodeName) ||
    compareText(age(a), age(b)) ||
    compareText(name(a), name(b))
  )
}
