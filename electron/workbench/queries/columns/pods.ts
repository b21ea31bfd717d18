import type { Pod } from 'kubernetes-types/core/v1'
import { podTone, summarizePod } from '#shared/kube/summaries/pod.ts'
import { podMetrics } from '#shared/kube/metrics.ts'
import { column, labelsCell, remembered, shape } from './define.ts'
import { podResource } from './pod-resources.ts'
import { usageColumns } from './usage.ts'

/** Several cells and the tone come from one summary. */
const summarize = remembered((pod: Pod) => summarizePod(pod))

const images = (pod: Pod): string => (pod.spec?.containers ?? []).map(({ image }) => image ?? '').join(', ')

export const pods = shape<Pod>(
  [
    column('ready', 'Ready', 'ratio', (pod) => {
      const { ready, total } = summarize(pod)
      return `${ready}/${total}`
    }),
    column('status', 'Status', 'status', (pod) => summarize(pod).status),
    column('restarts', 'Restarts', 'number', (pod) => summarize(pod).restarts),
    ...usageColumns<Pod>([
      {
        id: 'request',
        title: 'requested',
        share: '% of request',
        priority: 1,
        amount: (pod, resource) => podResource(pod, 'requests', resource),
      },
      {
        id: 'limit',
        title: 'limit',
        share: '% of limit',
        priority: 1,
        amount: (pod, resource) => podResource(pod, 'limits', resource),
      },
    ]),
    column('node', 'Node', 'text', (pod) => pod.spec?.nodeName ?? null),
    column('phase', 'Phase', 'text', (pod) => pod.status?.phase ?? null, 1),
    column('ip', 'IP', 'text', (pod) => pod.status?.podIP ?? null, 1),
    column('images', 'Images', 'text', images, 1),
    column('qos', 'QoS', 'text', (pod) => pod.status?.qosClass ?? null, 1),
    column('owner', 'Controlled by', 'text', ({ metadata }) => {
      const owner = metadata?.ownerReferences?.find(({ controller }) => controller)
      return owner ? `${owner.kind}/${owner.name}` : null
    }),
    column('labels', 'Labels', 'labels', ({ metadata }) => labelsCell(metadata?.labels), 1),
  ],
  (pod) => podTone(pod, summarize(pod)),
  podMetrics,
)
