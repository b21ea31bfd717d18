import type * as v1 from 'kubernetes-types/apps/v1'
import { intValue } from '#shared/kube/int-or-string.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { containerImages, containerNames, formatLabels, formatLabelSelector } from '../columns/format.ts'
import { defaultTemplate } from '../core/pod/defaults.ts'
import { validateTemplate } from '../core/pod/template.ts'
import type { PodTemplateSpec } from '../core/pod/types.ts'
import { templateWarnings } from '../core/pod/warnings.ts'
import { kindsOf, spec as desired } from '../define.ts'
import { semanticEqual } from '../equal.ts'
import type { KindDefinition } from '../kind.ts'
import { metaOf, type Loose } from '../loose.ts'
import { status } from '../subresources.ts'
import { invalid, notSupported, required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { isEmptySelector, validateLabelSelector } from '../validation/labels.ts'
import { nonNegative, nonNegativeIntOrPercent, notMoreThan100Percent, percentOf } from '../validation/numbers.ts'
import { isValidSelector, mismatch, selects, validateLongRunning } from './workload.ts'

type Spec = Omit<Loose<v1.DaemonSetSpec>, 'template'> & { template?: PodTemplateSpec | undefined }
export type DaemonSet = KubeObject & { spec?: Spec; status?: Loose<v1.DaemonSetStatus> }

/** A field of older versions, kept as an annotation. */
const templateGeneration = 'deprecated.daemonset.template.generation'

function setDefaults(object: DaemonSet): void {
  const spec = (object.spec ??= {})
  defaultTemplate((spec.template ??= {}))
  const strategy = (spec.updateStrategy ??= {})
  strategy.type ||= 'RollingUpdate'
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {})
    rolling.maxUnavailable ??= 1
    rolling.maxSurge ??= 0
  }
  spec.revisionHistoryLimit ??= 10
  const metadata = metaOf(object)
  if (metadata.annotations?.[templateGeneration] === undefined) {
    metadata.annotations = { ...metadata.annotations, [templateGeneration]: '0' }
  }
}

/** Source: ValidateDaemonSetSpec. */
function validate({ spec = {} }: DaemonSet): FieldError[] {
  const errors = validateLabelSelector(spec.selector, 'spec.selector')
  if (isValidSelector(spec.selector) && !selects(spec.selector, spec.template))
    errors.push(mismatch(spec.template, 'spec.template'))
  if (spec.selector && isEmptySelector(spec.selector)) {
    errors.push(invalid('spec.selector', spec.selector, 'empty selector is invalid for daemonset'))
  }
  errors.push(...validateTemplate(spec.template ?? {}, 'spec.template'))
  errors.push(...validateLongRunning(spec.template, 'DaemonSet', 'spec.template'))
  errors.push(...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'))
  errors.push(...validateStrategy(spec.updateStrategy))
  errors.push(...nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'))
  return errors
}

const numberOf = (value: number | string | undefined): number => percentOf(value) ?? intValue(value ?? 0)

function validateStrategy(strategy: Spec['updateStrategy']): FieldError[] {
  const path = 'spec.updateStrategy'
  const type = strategy?.type ?? ''
  const rolling = strategy?.rollingUpdate
  if (type === 'OnDelete') return []
  if (type !== 'RollingUpdate')
    return [notSupported(path, { Type: type, RollingUpdate: rolling ?? null }, ['RollingUpdate', 'OnDelete'])]
  if (!rolling) return [required(`${path}.rollingUpdate`)]
  const { maxUnavailable, maxSurge } = rolling
  const at = (name: string) => `${path}.rollingUpdate.${name}`
  const errors = [
    ...nonNegativeIntOrPercent(maxUnavailable, at('maxUnavailable')),
    ...nonNegativeIntOrPercent(maxSurge, at('maxSurge')),
    ...notMoreThan100Percent(maxUnavailable, at('maxUnavailable')),
    ...notMoreThan100Percent(maxSurge, at('maxSurge')),
  ]
  const unavailable = numberOf(maxUnavailable) !== 0
  const surge = numberOf(maxSurge) !== 0
  if (unavailable && surge)
    errors.push(invalid(at('maxSurge'), maxSurge, 'may not be set when maxUnavailable is non-zero'))
  if (!unavailable && !surge) errors.push(required(at('maxUnavailable'), 'cannot be 0 when maxSurge is 0'))
  return errors
}

const counts = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
] as const

const column = columnsOf<DaemonSet>('DaemonSet')

const define = kindsOf('apps', 'v1')

export const daemonSet: KindDefinition<DaemonSet> = define<DaemonSet>({
  kind: 'DaemonSet',
  plural: 'daemonsets',
  namespaced: true,
  shortNames: ['ds'],
  categories: ['all'],
  rules: {
    defaults: setDefaults,
    status: true,
    desired,
    prepareForCreate(object) {
      const annotations = (metaOf(object).annotations ??= {}) as Record<string, string>
      if (!(Number(annotations[templateGeneration]) >= 1)) annotations[templateGeneration] = '1'
    },
    prepareForUpdate(object, old, { subresource }) {
      const annotations = (metaOf(object).annotations ??= {}) as Record<string, string>
      const before = Number(old.metadata?.annotations?.[templateGeneration] ?? 0)
      const changed = subresource === '' && !semanticEqual(object.spec?.template, old.spec?.template)
      annotations[templateGeneration] = String(changed ? before + 1 : before)
    },
    validate,
    validateUpdate: (object, old) => [
      ...validate(object),
      ...validateImmutable(object.spec?.selector, old.spec?.selector, 'spec.selector'),
    ],
    validateStatus: ({ status: now }) => counts.flatMap((name) => nonNegative(now?.[name], `status.${name}`)),
    more: { warnings: templateWarnings<DaemonSet>(({ spec }) => spec?.template, 'spec.template', false) },
  },
  columns: [
    nameColumn,
    column('Desired', ({ status: now }) => now?.desiredNumberScheduled ?? 0, { type: 'integer' }),
    column('Current', ({ status: now }) => now?.currentNumberScheduled ?? 0, { type: 'integer' }),
    column('Ready', ({ status: now }) => now?.numberReady ?? 0, { type: 'integer' }),
    column('Up-to-date', ({ status: now }) => now?.updatedNumberScheduled ?? 0, { type: 'integer' }),
    column('Available', ({ status: now }) => now?.numberAvailable ?? 0, { type: 'integer' }),
    column('Node Selector', ({ spec }) => formatLabels(spec?.template?.spec?.nodeSelector)),
    ageColumn,
    column('Containers', ({ spec }) => containerNames(spec?.template), { wide: true }),
    column('Images', ({ spec }) => containerImages(spec?.template), { wide: true }),
    column('Selector', ({ spec }) => formatLabelSelector(spec?.selector), { wide: true }),
  ],
  writtenAnnotations: [templateGeneration],
  subresources: [status('DaemonSet')],
})
