import { humanDuration } from '#shared/kube/duration.ts'
import { jobStatus } from '#shared/kube/summaries/job.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { containerImages, containerNames, formatLabelSelector } from '../columns/format.ts'
import { since, type CellValue } from '../columns/since.ts'
import { defaultTemplate } from '../core/pod/defaults.ts'
import { templateWarnings } from '../core/pod/warnings.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { metaOf } from '../loose.ts'
import { status } from '../subresources.ts'
import { validateJobStatus } from './job-status.ts'
import { nameLabels, uidLabels, validateJob, validateJobUpdate } from './job-validation.ts'
import type { Job } from './types.ts'

function setDefaults(job: Job): void {
  const spec = (job.spec ??= {})
  defaultTemplate((spec.template ??= {}))
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 0x7fff_ffff
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  spec.manualSelector ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const condition of rule.onPodConditions ?? []) condition.status ||= 'True'
  }
}

/** How long the job took, or has been taking; empty before it starts. */
function duration({ status: { startTime, completionTime } = {} }: Job): CellValue {
  if (!startTime) return ''
  return completionTime ? humanDuration(Date.parse(completionTime) - Date.parse(startTime)) : since(startTime)
}

/** Pods of this job only: selected by its UID, labelled with its name. */
function generateSelector(job: Job): void {
  const spec = (job.spec ??= {})
  const template = ((spec.template ??= {}).metadata ??= {})
  const labels: Record<string, string | undefined> = { ...template.labels }
  for (const label of nameLabels) labels[label] ??= job.metadata?.name ?? ''
  for (const label of uidLabels) labels[label] ??= job.metadata?.uid ?? ''
  template.labels = labels
  const selector = ((spec.selector ??= {}).matchLabels ??= {})
  selector[uidLabels[0]] ??= job.metadata?.uid ?? ''
}

const column = columnsOf<Job>('Job')

function completions({ spec, status: now }: Job): string {
  if (spec?.completions !== undefined) return `${now?.succeeded ?? 0}/${spec.completions}`
  const parallelism = spec?.parallelism ?? 0
  return parallelism > 1 ? `${now?.succeeded ?? 0}/1 of ${parallelism}` : `${now?.succeeded ?? 0}/1`
}

const define = kindsOf('batch', 'v1')

export const job: KindDefinition<Job> = define<Job>({
  kind: 'Job',
  plural: 'jobs',
  namespaced: true,
  categories: ['all'],
  rules: {
    defaults: setDefaults,
    status: true,
    desired,
    prepareForCreate(object) {
      if (!object.spec?.manualSelector) generateSelector(object)
    },
    validate: validateJob,
    validateUpdate: validateJobUpdate,
    validateStatus: validateJobStatus,
    more: {
      warnings: templateWarnings<Job>(({ spec }) => spec?.template),
      // Upstream gives unlabelled jobs their template's labels whenever it reads them from the store.
      canonicalize(object) {
        const metadata = metaOf(object)
        const labels = object.spec?.template?.metadata?.labels as Record<string, string> | undefined
        if (labels && !Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...labels }
      },
      defaultGarbageCollection: 'background',
    },
  },
  selectableFields: { 'status.successful': ({ status: now }) => String(now?.succeeded ?? 0) },
  columns: [
    nameColumn,
    column('Status', jobStatus),
    column('Completions', completions),
    column('Duration', duration),
    ageColumn,
    column('Containers', ({ spec }) => containerNames(spec?.template), { wide: true }),
    column('Images', ({ spec }) => containerImages(spec?.template), { wide: true }),
    column('Selector', ({ spec }) => formatLabelSelector(spec?.selector), { wide: true }),
  ],
  subresources: [status('Job')],
})
