import { semanticEqual } from '../equal.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { mismatch, selects } from '../apps/workload.ts'
import { validateTemplate } from '../core/pod/template.ts'
import { asInvalid, invalid, notSupported, required, tooLong } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { validateLabelSelector } from '../validation/labels.ts'
import { isDnsLabel, isDnsSubdomain } from '../validation/names.ts'
import { nonNegative } from '../validation/numbers.ts'
import { validateFailurePolicy, validateSuccessPolicy } from './policies.ts'
import type { Job, JobSpec } from './types.ts'

const counts = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const
const mostIndexed = 100_000

/** The spec of a job and of a cron job's template alike. Source: validateJobSpec. */
export function validateJobSpec(spec: JobSpec, path: string): FieldError[] {
  const errors = counts.flatMap((name) => nonNegative(spec[name], `${path}.${name}`))
  errors.push(...validateManagedBy(spec.managedBy, `${path}.managedBy`), ...validateCompletionMode(spec, path))
  if (spec.podFailurePolicy) errors.push(...validateFailurePolicy(spec, `${path}.podFailurePolicy`))
  errors.push(...validateSuccessPolicy(spec, `${path}.successPolicy`))
  const replacement = spec.podReplacementPolicy
  const replacements = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed']
  if (replacement !== undefined && !replacements.includes(replacement)) {
    errors.push(notSupported(`${path}.podReplacementPolicy`, replacement, replacements))
  }
  errors.push(...validateTemplate(spec.template ?? {}, `${path}.template`))
  const policy = spec.template?.spec?.restartPolicy ?? ''
  const policyPath = `${path}.template.spec.restartPolicy`
  // Always is what an absent policy has become by now.
  if (policy === '' || policy === 'Always') errors.push(required(policyPath, 'valid values: "OnFailure", "Never"'))
  else if (policy !== 'OnFailure' && policy !== 'Never')
    errors.push(notSupported(policyPath, policy, ['OnFailure', 'Never']))
  else if (spec.podFailurePolicy && policy !== 'Never') {
    errors.push(invalid(policyPath, policy, 'only "Never" is supported when podFailurePolicy is specified'))
  }
  return errors
}

function validateManagedBy(value: string | undefined, path: string): FieldError[] {
  if (value === undefined) return []
  const errors = validateDomainPath(value, path)
  if (value.length > 63) errors.push(tooLong(path, 63))
  return errors
}

/** `acme.io/foo`. Source: IsDomainPrefixedPath. */
export function validateDomainPath(value: string, path: string): FieldError[] {
  if (!value) return [required(path)]
  const slash = value.indexOf('/')
  if (slash <= 0 || slash === value.length - 1)
    return [invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
  const domain = value.slice(0, slash)
  const errors = asInvalid(path, domain, isDnsSubdomain(domain))
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(value.slice(slash + 1))) {
    const text = "Invalid path (e.g. '/healthz', regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"
    errors.push(invalid(path, value.slice(slash + 1), text))
  }
  return errors
}

function validateCompletionMode(spec: JobSpec, path: string): FieldError[] {
  const { completionMode: mode, completions, parallelism, backoffLimitPerIndex, maxFailedIndexes } = spec
  const errors: FieldError[] = []
  const modes = ['NonIndexed', 'Indexed']
  if (mode !== undefined && !modes.includes(mode)) errors.push(notSupported(`${path}.completionMode`, mode, modes))
  if (mode === 'Indexed') {
    const above = (value: number | undefined, most: number) => value !== undefined && value > most
    if (completions === undefined) errors.push(required(`${path}.completions`, 'when completion mode is Indexed'))
    if (above(parallelism, mostIndexed)) {
      errors.push(
        invalid(
          `${path}.parallelism`,
          parallelism,
          `must be less than or equal to ${mostIndexed} when completion mode is Indexed`,
        ),
      )
    }
    if (completions !== undefined && above(maxFailedIndexes, completions)) {
      errors.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions'))
    }
    if (above(maxFailedIndexes, mostIndexed)) {
      errors.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, `must be less than or equal to ${mostIndexed}`))
    }
    if (above(completions, mostIndexed) && backoffLimitPerIndex !== undefined) {
      if (maxFailedIndexes === undefined) {
        errors.push(required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${mostIndexed}`))
      }
      if (above(parallelism, 10_000)) {
        const text = `must be less than or equal to 10000 when completions are above ${mostIndexed} and used with backoff limit per index`
        errors.push(invalid(`${path}.parallelism`, parallelism, text))
      }
      if (above(maxFailedIndexes, 10_000)) {
        const text = `must be less than or equal to 10000 when completions are above ${mostIndexed} and used with backoff limit per index`
        errors.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, text))
      }
    }
  }
  if (mode === undefined || mode === 'NonIndexed') {
    const text = 'requires indexed completion mode'
    if (backoffLimitPerIndex !== undefined)
      errors.push(invalid(`${path}.backoffLimitPerIndex`, backoffLimitPerIndex, text))
    if (maxFailedIndexes !== undefined) errors.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, text))
  }
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    errors.push(required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'))
  }
  return errors
}

export const uidLabels = ['batch.kubernetes.io/controller-uid', 'controller-uid'] as const
export const nameLabels = ['batch.kubernetes.io/job-name', 'job-name'] as const

/** The labels that select a job's own pods must be the generated ones. Source: ValidateGeneratedSelector. */
function validateGenerated({ metadata, spec = {} }: Job): FieldError[] {
  if (spec.manualSelector || !spec.selector) return []
  const labels = (spec.template?.metadata?.labels ?? {}) as Record<string, string>
  const errors: FieldError[] = []
  const expected = [
    ...uidLabels.map((label) => [label, metadata?.uid ?? ''] as const),
    ...nameLabels.map((label) => [label, metadata?.name ?? ''] as const),
  ]
  for (const [label, value] of expected) {
    const path = `spec.template.metadata.labels[${label}]`
    if (labels[label] === undefined) errors.push(required(path, `must be '${value}'`))
    else if (labels[label] !== value) errors.push(invalid(path, labels, `must be '${value}'`))
  }
  if (!selects(spec.selector, { metadata: { labels: Object.fromEntries(expected) } })) {
    errors.push(invalid('spec.selector', spec.selector, '`selector` not auto-generated'))
  }
  return errors
}

function validateSelected(spec: JobSpec): FieldError[] {
  const errors = validateJobSpec(spec, 'spec')
  const wrong = spec.selector ? validateLabelSelector(spec.selector, 'spec.selector') : []
  errors.push(...(spec.selector ? wrong : [required('spec.selector')]))
  if (!wrong.length && !selects(spec.selector, spec.template)) errors.push(mismatch(spec.template, 'spec.template'))
  return errors
}

/** Source: ValidateJob. */
export function validateJob(job: Job): FieldError[] {
  const { metadata, spec = {} } = job
  const errors = [...validateGenerated(job), ...validateSelected(spec)]
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    // The index is appended to the hostname of every pod.
    const name = metadata?.name ?? ''
    const longest = `${name}-${spec.completions! - 1}`
    if (isDnsLabel(longest).length) {
      errors.push(invalid('metadata.name', name, `will not able to create pod with invalid DNS label: ${longest}`))
    }
  }
  return errors
}

/** The spec is looked at twice, as upstream does it. Source: ValidateUpdate of the strategy and ValidateJobSpecUpdate. */
export function validateJobUpdate(job: Job, old: Job): FieldError[] {
  const spec = job.spec ?? {}
  const before = old.spec ?? {}
  const errors = [...validateJob(job), ...validateSelected(spec), ...validateCompletions(spec, before)]
  errors.push(...validateImmutable(spec.selector, before.selector, 'spec.selector'))
  errors.push(...validateTemplateUpdate(job, old))
  for (const field of [
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const) {
    errors.push(
      ...validateImmutable(
        (spec as Record<string, unknown>)[field],
        (before as Record<string, unknown>)[field],
        `spec.${field}`,
      ),
    )
  }
  return errors
}

/** Only an indexed job may be scaled, in step with its parallelism. */
function validateCompletions(spec: JobSpec, before: JobSpec): FieldError[] {
  const path = 'spec.completions'
  if (spec.completionMode !== 'Indexed') return validateImmutable(spec.completions, before.completions, path)
  // An absent number has been found missing before.
  if (spec.completions === undefined || spec.completions === before.completions) return []
  if (spec.completions === spec.parallelism) return []
  return [invalid(path, spec.completions, 'can only be modified in tandem with spec.parallelism')]
}

/** While a job is suspended and has no pods, where they go and what they ask for may still change. */
function validateTemplateUpdate(job: Job, old: Job): FieldError[] {
  const before = old.spec?.template
  const now = job.spec?.template
  const isSuspended = (old.status?.conditions ?? []).some(
    ({ type, status }) => type === 'Suspended' && status === 'True',
  )
  const rests = !old.status?.startTime || (isSuspended && !old.status.active)
  const allowed = old.spec?.suspend && rests ? withFree(before, now) : before
  return semanticEqual(now, allowed) ? [] : validateImmutable(now, before, 'spec.template')
}

type Template = JobSpec['template']
type PodSpec = NonNullable<NonNullable<Template>['spec']>

/** The old template with what is free to change as it now is. */
function withFree(before: Template, now: Template): Template {
  const spec = now?.spec ?? {}
  const { nodeSelector, tolerations, schedulingGates } = spec
  const resourcesOf = <T extends { name?: string | undefined }>(list: T[] | undefined, other: PodSpec['containers']) =>
    list?.map((container, i) => ({ ...container, resources: other?.[i]?.resources }))
  return {
    ...before,
    metadata: { ...before?.metadata, annotations: now?.metadata?.annotations, labels: now?.metadata?.labels },
    spec: {
      ...before?.spec,
      nodeSelector,
      tolerations,
      schedulingGates,
      affinity: affinityWith(before?.spec?.affinity, spec.affinity),
      containers: resourcesOf(before?.spec?.containers, spec.containers),
      initContainers: resourcesOf(before?.spec?.initContainers, spec.initContainers),
    },
  } as Template
}

/** Of affinity, that to nodes alone is free. */
function affinityWith(before: PodSpec['affinity'], now: PodSpec['affinity']): PodSpec['affinity'] {
  const { nodeAffinity: _nodeAffinity, ...rest } = before ?? {}
  if (!now) return Object.keys(rest).length ? rest : undefined
  return { ...rest, ...(now.nodeAffinity ? { nodeAffinity: now.nodeAffinity } : {}) }
}
