import type { KubeObject } from '#shared/kube/object.ts'
import { invalid } from '#shared/kube/status.ts'
import type { Pod, PodTemplateSpec } from '../../registry/core/pod/types.ts'
import { semanticEqual } from '../../registry/equal.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../../registry/kind.ts'
import { forbidden } from '../request.ts'
import { subjectOf, type Subject } from './check.ts'
import { labelProblems, nameOfStandard, policyOf, violations } from './policy.ts'

interface Holder extends KubeObject {
  template?: PodTemplateSpec
  spec?: { template?: PodTemplateSpec; jobTemplate?: { spec?: { template?: PodTemplateSpec } } }
}

type Extract = (object: Holder) => PodTemplateSpec | undefined
const template: Extract = ({ spec }) => spec?.template

/** Kinds whose objects make pods. */
const holders: Readonly<Record<string, Extract>> = {
  '/podtemplates': (object) => object.template,
  '/replicationcontrollers': template,
  'apps/replicasets': template,
  'apps/deployments': template,
  'apps/statefulsets': template,
  'apps/daemonsets': template,
  'batch/jobs': template,
  'batch/cronjobs': ({ spec }) => spec?.jobTemplate?.spec?.template,
}

/** Pods are held to the standard of their namespace; what makes pods is only warned of. */
export const podSecurity: AdmissionPlugin = {
  name: 'PodSecurity',
  validate(request) {
    const { operation, kind, subresource } = request
    if (operation !== 'CREATE' && operation !== 'UPDATE') return
    const key = `${kind.group}/${kind.plural}`
    if (key === '/namespaces' && subresource === '') return checkLabels(request)
    if (key === '/pods') return checkPod(request)
    const holder = subresource === '' ? holders[key]?.(request.object as Holder) : undefined
    if (holder) evaluate(request, subjectOf(holder.metadata ?? {}, holder.spec ?? {}), false)
  },
}

function checkLabels({ object, old, name }: AdmissionRequest): void {
  const problems = labelProblems(object?.metadata?.labels)
  if (problems.length && !semanticEqual(problems, labelProblems(old?.metadata?.labels))) {
    throw invalid({ group: '', kind: 'Namespace' }, name, problems)
  }
}

function checkPod(request: AdmissionRequest): void {
  const { subresource, object, old } = request
  if (!['', 'ephemeralcontainers', 'resize'].includes(subresource)) return
  const pod = object as Pod
  if (old && semanticEqual(pod.spec, (old as Pod).spec)) return
  evaluate(request, subjectOf(pod.metadata ?? {}, pod.spec ?? {}), true)
}

function evaluate(request: AdmissionRequest, subject: Subject, isEnforced: boolean): void {
  const namespace = request.services.get<KubeObject>(
    { group: '', plural: 'namespaces' },
    undefined,
    request.namespace ?? '',
  )
  const { enforce, warn } = policyOf(namespace?.metadata?.labels)
  if (isEnforced) request.annotate?.('pod-security.kubernetes.io/enforce-policy', nameOfStandard(enforce))
  const wrong = isEnforced ? violations(enforce, subject) : ''
  if (wrong) throw forbidden(request, `violates PodSecurity ${nameOfStandard(enforce)}: ${wrong}`)
  const doubtful = violations(warn, subject)
  if (doubtful) request.warn(`would violate PodSecurity ${nameOfStandard(warn)}: ${doubtful}`)
}
