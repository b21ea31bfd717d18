import type { Pod, Toleration } from '../registry/core/pod/types.ts'
import type { Node } from '../registry/core/node.ts'
import type { AdmissionPlugin } from '../registry/kind.ts'
import { created, isAbout } from './request.ts'

const notReady = 'node.kubernetes.io/not-ready'
const unreachable = 'node.kubernetes.io/unreachable'
const patienceSeconds = 300

const tolerates = ({ key, effect }: Toleration, taint: string): boolean =>
  (!key || key === taint) && (!effect || effect === 'NoExecute')

/** Pods outlive their node by five minutes. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  mutate(request) {
    if (request.operation === 'DELETE' || !isAbout(request, '', 'pods')) return
    const spec = ((request.object as Pod).spec ??= {})
    const given = spec.tolerations ?? []
    const missing = [notReady, unreachable].filter((taint) => !given.some((toleration) => tolerates(toleration, taint)))
    if (!missing.length) return
    const added = missing.map((key) => ({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: patienceSeconds,
    }))
    spec.tolerations = [...given, ...added]
  },
}

/** A new node takes no pods until it has said that it is ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  mutate(request) {
    const node = created<Node>(request, '', 'nodes')
    if (!node) return
    const spec = (node.spec ??= {})
    const taints = spec.taints ?? []
    if (taints.some(({ key, effect }) => key === notReady && effect === 'NoSchedule')) return
    spec.taints = [...taints, { key: notReady, effect: 'NoSchedule' }]
  },
}
