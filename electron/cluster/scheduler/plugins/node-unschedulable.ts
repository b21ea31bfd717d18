import { nodeBecame } from '../cluster-event.ts'
import { rejected, type Plugin } from './api.ts'
import { tolerates } from '#shared/kube/tolerations.ts'

const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const
const rejection = rejected('node(s) were unschedulable', true)

const tolerated = (tolerations: Parameters<typeof tolerates>[0][] | readonly Parameters<typeof tolerates>[0][] = []) =>
  tolerations.some((toleration) => tolerates(toleration, taint))

/** Keeps pods from cordoned nodes. */
export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  filter({ pod }) {
    if (tolerated(pod.spec?.tolerations)) return undefined
    return { fits: ({ node }) => !node.spec?.unschedulable, why: () => rejection }
  },
  mayHelp: (event) =>
    event.kind === 'pod changed'
      ? tolerated(event.pod.pod.spec?.tolerations)
      : nodeBecame(event, 'schedulable') && !event.node.spec?.unschedulable,
}
