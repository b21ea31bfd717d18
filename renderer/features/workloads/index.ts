import type { Feature } from '../../app/feature.ts'
import { usePanels } from '../../app/panels.ts'
import DeploymentSummary from './DeploymentSummary.vue'
import PodSummary from './PodSummary.vue'
import ReplicasSummary from './ReplicasSummary.vue'
import { registerWorkloadActions } from './actions.ts'
import { messages } from './messages.ts'

export const workloads: Feature = {
  name: 'workloads',
  messages,
  install() {
    const panels = usePanels()
    panels.addSummary('pods', PodSummary)
    panels.addSummary('deployments.apps', DeploymentSummary)
    for (const kind of ['replicasets.apps', 'statefulsets.apps', 'daemonsets.apps', 'replicationcontrollers'])
      panels.addSummary(kind, ReplicasSummary)
    registerWorkloadActions()
  },
}
