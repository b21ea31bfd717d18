import { fitsNode, matchesTerm, namedNodes } from '#shared/kube/node-affinity.ts'
import { nodeBecame } from '../cluster-event.ts'
import type { NodeInfo } from '../node-info.ts'
import { normalizeToHundred, Refusal, rejected, type Plugin } from './api.ts'

const rejection = rejected("node(s) didn't match Pod's node affinity/selector", true)

/** nodeSelector and node affinity: required terms filter, preferred ones score by their weights. */
export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  weight: 2,
  filter({ pod }) {
    const { spec } = pod
    if (!spec || (!spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution && !spec.nodeSelector))
      return undefined
    const names = namedNodes(spec)
    if (names?.length === 0) return new Refusal('pod affinity terms conflict')
    const filter = { fits: ({ node }: NodeInfo) => fitsNode(spec, node), why: () => rejection }
    return names ? { ...filter, nodes: new Set(names) } : filter
  },
  score({ pod }) {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution
    if (!preferred?.length) return undefined
    return {
      score({ node }) {
        let sum = 0
        for (const { weight, preference } of preferred) if (matchesTerm(preference, node)) sum += weight
        return sum
      },
      normalize: (scores, count) => normalizeToHundred(scores, count, false),
    }
  },
  mayHelp: (event, { pod }) =>
    event.kind === 'pod changed' ||
    (nodeBecame(event, 'labels') &&
      fitsNode(pod.spec ?? {}, event.node) &&
      (event.kind === 'node added' || !fitsNode(pod.spec ?? {}, event.old))),
}
