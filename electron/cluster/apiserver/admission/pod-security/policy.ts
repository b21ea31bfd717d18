import type { FieldError } from '#shared/kube/status.ts'
import { entries } from '../../registry/loose.ts'
import { invalid } from '../../registry/validation/field.ts'
import { baseline } from './baseline.ts'
import type { Check, Subject } from './check.ts'
import { restricted } from './restricted.ts'

export const levels = ['privileged', 'baseline', 'restricted'] as const
export type Level = (typeof levels)[number]

export interface Standard {
  level: Level
  /** `latest` or such as `v1.30`. */
  version: string
}

export interface Policy {
  enforce: Standard
  warn: Standard
}

type Labels = Readonly<Record<string, string | undefined>> | undefined

const prefix = 'pod-security.kubernetes.io/'
const versionPattern = /^(?:latest|v1\.(?:0|[1-9]\d*))$/

const isLevel = (text: string | undefined): text is Level => levels.some((level) => level === text)

function standardOf(labels: Labels, mode: string, otherwise: Level, fallback: Level): Standard {
  const level = labels?.[`${prefix}${mode}`]
  const version = labels?.[`${prefix}${mode}-version`]
  return {
    level: level === undefined ? otherwise : isLevel(level) ? level : fallback,
    version: version !== undefined && versionPattern.test(version) ? version : 'latest',
  }
}

/** An unknown level enforces the strictest, and warns of nothing. Who enforces is warned by the same standard. */
export function policyOf(labels: Labels): Policy {
  const enforce = standardOf(labels, 'enforce', 'privileged', 'restricted')
  const isSilent = labels?.[`${prefix}warn`] === undefined
  const warn = isSilent ? enforce : standardOf(labels, 'warn', 'privileged', 'privileged')
  return { enforce, warn }
}

/** What is wrong with a namespace's labels of that sort. */
export function labelProblems(labels: Labels): FieldError[] {
  return entries(labels).flatMap(([key, value]) => {
    const match = /^pod-security\.kubernetes\.io\/(?:enforce|audit|warn)(-version)?$/.exec(key)
    if (!match) return []
    const field = `metadata.labels[${key}]`
    if (match[1]) return versionPattern.test(value) ? [] : [invalid(field, value, 'must be "latest" or "v1.x"')]
    return isLevel(value) ? [] : [invalid(field, value, `must be one of ${levels.join(', ')}`)]
  })
}

export const nameOfStandard = ({ level, version }: Standard): string => JSON.stringify(`${level}:${version}`)

/** Everything wrong with the pod, as one text; '' when nothing is. */
export function violations({ level, version }: Standard, subject: Subject): string {
  if (level === 'privileged') return ''
  const minor = version === 'latest' ? Infinity : Number(version.slice('v1.'.length))
  const applies = ({ since = 0 }: Check) => since <= minor
  const checks =
    level === 'baseline'
      ? [...baseline.filter(({ overlapped }) => !overlapped), ...baseline.filter(({ overlapped }) => overlapped)]
      : [...baseline.filter(({ overlapped }) => !overlapped), ...restricted]
  return checks
    .filter(applies)
    .flatMap((check) => check.violation(subject, minor) ?? [])
    .map(({ reason, detail }) => `${reason} (${detail})`)
    .join(', ')
}
