import { featuresToRun, undeclared } from '#shared/kube/declared-features.ts'
import { nodeBecame } from '../cluster-event.ts'
import { rejected, type Plugin } from './api.ts'

const rejection = rejected("node(s) didn't match Pod's required features", true)

/** Keeps pods from nodes that do not say they can do what these ask for. */
export const nodeDeclaredFeatures: Plugin = {
  name: 'NodeDeclaredFeatures',
  filter({ pod }) {
    const features = pod.spec ? featuresToRun(pod.spec) : []
    if (!features.length) return undefined
    return { fits: ({ node }) => !undeclared(node, features).length, why: () => rejection }
  },
  mayHelp: (event) => nodeBecame(event, 'features'),
}
