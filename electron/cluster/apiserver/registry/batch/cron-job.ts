import { scheduleProblem } from '#shared/kube/schedule/parse.ts'
import { zoneNamed } from '#shared/kube/schedule/zone.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { containerImages, containerNames, formatLabelSelector } from '../columns/format.ts'
import { since } from '../columns/since.ts'
import { oneOf } from '../core/pod/containers.ts'
import { defaultTemplate } from '../core/pod/defaults.ts'
import { templateWarnings } from '../core/pod/warnings.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { status } from '../subresources.ts'
import { invalid, notSupported, required } from '../validation/field.ts'
import { nonNegative } from '../validation/numbers.ts'
import { validateJobSpec } from './job-validation.ts'
import type { CronJob, CronJobSpec } from './types.ts'

function setDefaults(object: CronJob): void {
  const spec = (object.spec ??= {})
  spec.concurrencyPolicy ||= 'Allow'
  spec.suspend ??= false
  spec.successfulJobsHistoryLimit ??= 3
  spec.failedJobsHistoryLimit ??= 1
  const template = (spec.jobTemplate ??= {})
  template.metadata ??= {}
  defaultTemplate(((template.spec ??= {}).template ??= {}))
}

/** Source: ValidateCronJobSpec. */
function validateSpec({ spec = {} }: CronJob, old?: CronJob): FieldError[] {
  const errors = validateSchedule(spec, old?.spec)
  errors.push(...nonNegative(spec.startingDeadlineSeconds, 'spec.startingDeadlineSeconds'))
  if (spec.timeZone !== undefined && (!old || old.spec?.timeZone !== spec.timeZone))
    errors.push(...validateTimeZone(spec.timeZone))
  errors.push(...oneOf(spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], 'spec.concurrencyPolicy'))
  const template = spec.jobTemplate?.spec ?? {}
  errors.push(...validateJobSpec(template, 'spec.jobTemplate.spec'))
  if (template.selector)
    errors.push(invalid('spec.jobTemplate.spec.selector', template.selector, '`selector` will be auto-generated'))
  if (template.manualSelector) errors.push(notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']))
  errors.push(...nonNegative(spec.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit'))
  errors.push(...nonNegative(spec.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit'))
  return errors
}

/** A zone within the schedule is kept where there was one. */
function validateSchedule({ schedule = '', timeZone }: CronJobSpec, old: CronJobSpec | undefined): FieldError[] {
  const path = 'spec.schedule'
  if (!schedule) return [required(path)]
  const problem = scheduleProblem(schedule.replace(/^(CRON_)?TZ=\S+ /, '').trim())
  const errors = problem ? [invalid(path, schedule, problem)] : []
  if (!schedule.includes('TZ')) return errors
  if (!old?.schedule?.includes('TZ'))
    errors.push(invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'))
  else if (timeZone !== undefined)
    errors.push(invalid(path, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'))
  return errors
}

function validateTimeZone(zone: string): FieldError[] {
  const path = 'spec.timeZone'
  if (!zone) return [invalid(path, zone, 'timeZone must be nil or non-empty string')]
  const unknown = invalid(path, zone, `unknown time zone ${zone}`)
  if (zone.toLowerCase() === 'local') {
    const text = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'
    return [invalid(path, zone, text), ...(zone === 'Local' ? [] : [unknown])]
  }
  // The platform finds zones in any case, but all parts of their names begin in upper case.
  const proper = zone.split('/').every((part) => /^[A-Z][-+.\w]{0,13}$/.test(part))
  return proper && zoneNamed(zone) ? [] : [unknown]
}

const longestName = 52

const column = columnsOf<CronJob>('CronJob')

const define = kindsOf('batch', 'v1')

export const cronJob: KindDefinition<CronJob> = define<CronJob>({
  kind: 'CronJob',
  plural: 'cronjobs',
  namespaced: true,
  shortNames: ['cj'],
  categories: ['all'],
  rules: {
    defaults: setDefaults,
    status: true,
    desired,
    validate(object) {
      const name = object.metadata?.name ?? ''
      // Eleven characters more make the name of a job, which must still be a label.
      const tooLong =
        name.length > longestName
          ? [invalid('metadata.name', name, `must be no more than ${longestName} characters`)]
          : []
      return [...validateSpec(object), ...tooLong]
    },
    validateUpdate: (object, old) => validateSpec(object, old),
    more: {
      warnings: templateWarnings<CronJob>(
        ({ spec }) => spec?.jobTemplate?.spec?.template,
        'spec.jobTemplate.spec.template',
      ),
    },
  },
  columns: [
    nameColumn,
    column('Schedule', ({ spec }) => spec?.schedule ?? ''),
    column('Timezone', ({ spec }) => spec?.timeZone ?? '<none>'),
    column('Suspend', ({ spec }) => (spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False'), {
      type: 'boolean',
    }),
    column('Active', ({ status: now }) => now?.active?.length ?? 0, { type: 'integer' }),
    column('Last Schedule', ({ status: now }) => (now?.lastScheduleTime ? since(now.lastScheduleTime) : '<none>')),
    ageColumn,
    column('Containers', ({ spec }) => containerNames(spec?.jobTemplate?.spec?.template), { wide: true }),
    column('Images', ({ spec }) => containerImages(spec?.jobTemplate?.spec?.template), { wide: true }),
    column('Selector', ({ spec }) => formatLabelSelector(spec?.jobTemplate?.spec?.selector), { wide: true }),
  ],
  subresources: [status('CronJob')],
})
