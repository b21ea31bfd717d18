import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1'
import type { PodTemplateSpec } from 'kubernetes-types/core/v1'
import type { Tone } from '#shared/ipc/queries.ts'
import { column, condition, labelsCell, shape } from './define.ts'

const images = (template: PodTemplateSpec | undefined): string =>
  (template?.spec?.containers ?? []).map(({ image }) => image ?? '').join(', ')

/** The one word that tells how a rollout stands. */
function rollout({ metadata, spec, status = {} }: Deployment): { word: string; tone: Tone } {
  const wanted = spec?.replicas ?? 1
  const progressing = condition({ status }, 'Progressing')
  if (metadata?.deletionTimestamp) return { word: 'Terminating', tone: 'busy' }
  if (condition({ status }, 'ReplicaFailure')?.status === 'True') return { word: 'Failing', tone: 'bad' }
  if (progressing?.reason === 'ProgressDeadlineExceeded') return { word: 'Stalled', tone: 'bad' }
  if (spec?.paused) return { word: 'Paused', tone: 'warn' }
  const { updatedReplicas = 0, availableReplicas = 0, replicas = 0, observedGeneration = 0 } = status
  if (observedGeneration < (metadata?.generation ?? 0) || updatedReplicas < wanted || replicas > updatedReplicas)
    return { word: 'Rolling out', tone: 'busy' }
  if (availableReplicas < wanted)
    return { word: 'Waiting', tone: condition({ status }, 'Available')?.status === 'False' ? 'warn' : 'busy' }
  return wanted === 0 ? { word: 'Scaled to 0', tone: 'off' } : { word: 'Available', tone: 'ok' }
}

export const deployments = shape<Deployment>(
  [
    column('ready', 'Ready', 'ratio', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1}`),
    column('status', 'Status', 'status', (deployment) => rollout(deployment).word),
    column('updated', 'Up to date', 'number', ({ status }) => status?.updatedReplicas ?? 0),
    column('available', 'Available', 'number', ({ status }) => status?.availableReplicas ?? 0),
    column('images', 'Images', 'text', ({ spec }) => images(spec?.template)),
    column('strategy', 'Strategy', 'text', ({ spec }) => spec?.strategy?.type ?? null, 1),
    column('labels', 'Labels', 'labels', ({ metadata }) => labelsCell(metadata?.labels), 1),
  ],
  (deployment) => rollout(deployment).tone,
)

function replicaSetTone({ metadata, spec, status }: ReplicaSet): Tone {
  if (metadata?.deletionTimestamp) return 'busy'
  const wanted = spec?.replicas ?? 1
  if (wanted === 0 && !status?.replicas) return 'off'
  return (status?.readyReplicas ?? 0) >= wanted ? 'ok' : 'busy'
}

const words: Record<Tone, string> = { ok: 'Ready', busy: 'Scaling', off: 'Kept', warn: 'Waiting', bad: 'Failing' }

export const replicaSets = shape<ReplicaSet>(
  [
    column('ready', 'Ready', 'ratio', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1}`),
    column('status', 'Status', 'status', (set) => words[replicaSetTone(set)]),
    column(
      'revision',
      'Revision',
      'number',
      ({ metadata }) => Number(metadata?.annotations?.['deployment.kubernetes.io/revision'] ?? 0) || null,
    ),
    column('owner', 'Controlled by', 'text', ({ metadata }) => {
      const owner = metadata?.ownerReferences?.find(({ controller }) => controller)
      return owner ? `${owner.kind}/${owner.name}` : null
    }),
    column('images', 'Images', 'text', ({ spec }) => images(spec?.template)),
    column('labels', 'Labels', 'labels', ({ metadata }) => labelsCell(metadata?.labels), 1),
  ],
  replicaSetTone,
)
