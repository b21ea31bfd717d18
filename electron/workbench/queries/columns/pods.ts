import type { Pod } from 'kubernetes-types/core/v1'
import { podTone, summarizePod } from '#shared/kube/summaries/pod.ts'
import { column, labelsCell, remembered, shape } from './define.ts'

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
    column('node', 'Node', 'text', (pod) => pod.spec?.nodeName ?? null),
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
)
