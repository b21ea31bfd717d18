import type { Container, PodTemplateSpec } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { jobs } from '#shared/kube/resources.ts'
import type { CreateAction } from '../framework/action.ts'
import { createPod } from '../framework/support/pod-template.ts'
import type { PodView } from '../framework/support/pods.ts'
import type { Census } from './census.ts'
import { judge } from './failure-policy.ts'
import {
  failureCount,
  failureCountKey,
  ignoredFailureCount,
  ignoredFailureCountKey,
  indexKey,
  trackingFinalizer,
} from './pods.ts'
import { hasLimitPerIndex, specOf, type JobView } from './types.ts'

type Template = Frozen<PodTemplateSpec>

/** So many characters of a prefix leave room for what the server appends. */
const longestPrefix = 58

/** A pod for the job, or for one index of it. */
export function createJobPod(census: Census, index: number | undefined): CreateAction {
  const { job, indexes } = census
  const template = tracked(specOf(job).template)
  if (index === undefined) return createPod(jobs, job, template)
  const name = job.metadata?.name ?? ''
  const counts = hasLimitPerIndex(job) ? failureAnnotations(job, indexes?.delayed.get(index)) : {}
  return createPod(jobs, job, indexed(template, name, index, counts), prefixOf(name, index))
}

function tracked(template: Template): Template {
  const { finalizers = [] } = template.metadata ?? {}
  if (finalizers.includes(trackingFinalizer)) return template
  return { ...template, metadata: { ...template.metadata, finalizers: [...finalizers, trackingFinalizer] } }
}

function indexed(template: Template, name: string, index: number, counts: Record<string, string>): Template {
  const { metadata, spec } = template
  const { containers = [], initContainers } = spec ?? {}
  return {
    metadata: {
      ...metadata,
      annotations: { ...metadata?.annotations, [indexKey]: String(index), ...counts },
      labels: { ...metadata?.labels, [indexKey]: String(index) },
    },
    spec: {
      ...spec,
      hostname: `${name}-${index}`,
      containers: containers.map(knowingItsIndex),
      ...(initContainers ? { initContainers: initContainers.map(knowingItsIndex) } : {}),
    },
  }
}

const variable = 'JOB_COMPLETION_INDEX'

function knowingItsIndex(container: Frozen<Container>): Frozen<Container> {
  const { env = [] } = container
  if (env.some(({ name }) => name === variable)) return container
  const valueFrom = { fieldRef: { fieldPath: `metadata.labels['${indexKey}']` } }
  return { ...container, env: [...env, { name: variable, valueFrom }] }
}

function prefixOf(name: string, index: number): string {
  const ending = `-${index}-`
  return name.length + ending.length > longestPrefix
    ? name.slice(0, longestPrefix - ending.length) + ending
    : name + ending
}

/** What a successor must know of those before it. */
function failureAnnotations(job: JobView, predecessor: PodView | undefined): Record<string, string> {
  if (!predecessor) return { [failureCountKey]: '0' }
  const { counted } = judge(job, predecessor)
  const ignored = ignoredFailureCount(predecessor) + (counted ? 0 : 1)
  return {
    [failureCountKey]: String(failureCount(predecessor) + (counted ? 1 : 0)),
    ...(ignored > 0 ? { [ignoredFailureCountKey]: String(ignored) } : {}),
  }
}
