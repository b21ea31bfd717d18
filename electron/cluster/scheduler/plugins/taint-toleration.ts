import { nodeBecame } from '../cluster-event.ts'
import { normalizeToHundred, rejected, type Plugin } from './api.ts'
import { tolerates, untolerated } from '#shared/kube/tolerations.ts'

const rejection = rejected('node(s) had untolerated taint(s)', true)

/** Keeps pods from tainted nodes; fewer taints that only ask to be avoided are better. */
export const taintToleration: Plugin = {
  name: 'TaintToleration',
  weight: 3,
  filter({ pod }) {
    const tolerations = pod.spec?.tolerations ?? []
    return {
      fits: ({ taints }) => taints.length === 0 || !untolerated(taints, tolerations),
      why: () => rejection,
    }
  },
  score({ pod }) {
    const tolerations = (pod.spec?.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule')
    return {
      score: ({ softTaints }) =>
        softTaints.length === 0
          ? 0
          : softTaints.filter((taint) => !tolerations.some((toleration) => tolerates(toleration, taint))).length,
      normalize: (scores, count) => normalizeToHundred(scores, count, true),
    }
  },
  mayHelp(event, { pod }) {
    if (event.kind === 'pod changed') return true
    if (!nodeBecame(event, 'taints')) return false
    const taints = (event.node.spec?.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule')
    return !untolerated(taints, pod.spec?.tolerations ?? [])
  },
}
