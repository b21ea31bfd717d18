import { qualityOfService } from '#shared/kube/quota/quality-of-service.ts'
import { semanticEqual } from '../../equal.ts'
import { bumpGeneration, copyField, strategyOf } from '../../define.ts'
import type { KindDefinition, RowCondition, Strategy } from '../../kind.ts'
import { metaOf } from '../../loose.ts'
import { connector, part, status } from '../../subresources.ts'
import { applyAppArmorAnnotations } from './apparmor.ts'
import { bindPod, setCondition, type Binding } from './binding.ts'
import { podColumns } from './columns.ts'
import { defaultPod } from './defaults.ts'
import { evictPod } from './eviction.ts'
import { mergeLabelKeys } from './label-keys.ts'
import { keepAllButResources, validateResize } from './resize.ts'
import type { Pod, PodStatus } from './types.ts'
import { validatePodStatusUpdate } from './status-validation.ts'
import { validateEphemeralUpdate, validatePodCreate, validatePodUpdate } from './validation.ts'
import { nameWarnings, podWarnings } from './warnings.ts'

const strategy: Strategy<Pod> = strategyOf<Pod>({
  defaults: defaultPod,
  status: true,
  desired: (pod) => pod.spec,
  prepareForCreate(pod, context) {
    pod.status = { phase: 'Pending', qosClass: qualityOfService(pod.spec) }
    if (pod.spec?.schedulingGates?.length) {
      const message = 'Scheduling is blocked due to non-empty scheduling gates'
      setCondition(pod, { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message }, context)
    }
    mergeLabelKeys(pod)
    applyAppArmorAnnotations(pod)
  },
  prepareForUpdate(pod, old, context) {
    if (context.subresource !== 'status') return
    // Old kubelets corrupt owner references.
    copyField(metaOf(pod), metaOf(old), 'ownerReferences')
    keepWhatKubeletsForget((pod.status ??= {}), old.status ?? {})
  },
  validate: validatePodCreate,
  validateUpdate: validatePodUpdate,
  validateStatus: validatePodStatusUpdate,
  more: {
    gracePeriod,
    answersDeleted: true,
    // People do not write to pods that exist: their updates are worth no warnings.
    warnings: (pod, old) =>
      old
        ? []
        : [
            ...nameWarnings(pod, "the Pod's hostname"),
            ...podWarnings(pod.metadata, pod.spec ?? {}, 'spec', 'metadata'),
          ],
  },
})

function keepWhatKubeletsForget(status: PodStatus, old: PodStatus): void {
  if (!status.qosClass && old.qosClass) status.qosClass = old.qosClass
  if (!status.observedGeneration && old.observedGeneration) status.observedGeneration = old.observedGeneration
  const known = [...((old.conditions ?? []) as Observed[])]
  for (const condition of (status.conditions ?? []) as Observed[]) {
    const [before] = takeFirst(known, ({ type }) => type === condition.type)
    if (!condition.observedGeneration && before?.observedGeneration)
      condition.observedGeneration = before.observedGeneration
  }
}

interface Observed {
  type?: string
  observedGeneration?: number
}

/** Takes the first of the list that fits out of it; empty where none does. */
function takeFirst<T>(list: T[], fits: (each: T) => boolean): T[] {
  const index = list.findIndex(fits)
  return index < 0 ? [] : list.splice(index, 1)
}

/** Subresources of a pod leave what is said of it alone. */
function keepMetadata(pod: Pod, old: Pod): void {
  for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences'])
    copyField(metaOf(pod), metaOf(old), field)
}

/** Who is not running yet, or any more, needs no grace. */
function gracePeriod(pod: Pod, requested: number | undefined): number {
  const phase = pod.status?.phase
  if (!pod.spec?.nodeName || phase === 'Failed' || phase === 'Succeeded') return 0
  const period = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0
  return period < 0 ? 1 : period
}

const ephemeralContainers: Partial<Strategy<Pod>> = {
  prepareForUpdate(pod, old) {
    const asked = pod.spec?.ephemeralContainers
    pod.spec = { ...old.spec }
    if (asked) pod.spec.ephemeralContainers = asked
    else delete pod.spec.ephemeralContainers
    copyField(pod, old, 'status')
    keepMetadata(pod, old)
    bumpGeneration(pod, old, !semanticEqual(pod.spec, old.spec))
  },
  validateUpdate: validateEphemeralUpdate,
}

const resize: Partial<Strategy<Pod>> = {
  prepareForUpdate(pod, old) {
    keepAllButResources(pod, old)
    keepMetadata(pod, old)
    bumpGeneration(pod, old, !semanticEqual(pod.spec, old.spec))
  },
  validateUpdate: validateResize,
}

const ended: Readonly<Record<string, RowCondition>> = {
  Succeeded: { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
  Failed: { type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' },
}

export const pod: KindDefinition<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  type: 'io.k8s.api.core.v1.Pod',
  strategy,
  columns: podColumns,
  rowConditions: ({ status: { phase = '' } = {} }) => (ended[phase] ? [ended[phase]] : []),
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    // What clients of old call it.
    'spec.host': ({ spec }) => spec?.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec?.restartPolicy ?? '',
    'spec.schedulerName': ({ spec }) => spec?.schedulerName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec?.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec?.hostNetwork ?? false),
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIPs?.[0]?.ip ?? '',
    'status.podIPs': ({ status }) => status?.podIPs?.[0]?.ip ?? '',
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
  },
  indexedFields: ['spec.nodeName'],
  subresources: [
    connector('attach', 'PodAttachOptions', ['create', 'get']),
    {
      name: 'binding',
      kind: 'Binding',
      verbs: ['create'],
      type: 'io.k8s.api.core.v1.Binding',
      action: (input, target, services, context) => bindPod(input as Binding, target.name, services, context),
    },
    part('ephemeralcontainers', 'Pod', { strategy: ephemeralContainers as Partial<Strategy> }),
    {
      name: 'eviction',
      kind: 'Eviction',
      group: 'policy',
      version: 'v1',
      verbs: ['create'],
      type: 'io.k8s.api.policy.v1.Eviction',
      action: (input, target, services, context) => evictPod(input, target.name, services, context),
    },
    connector('exec', 'PodExecOptions', ['create', 'get']),
    connector('log', 'Pod', ['get']),
    connector('portforward', 'PodPortForwardOptions', ['create', 'get']),
    connector('proxy', 'PodProxyOptions', ['create', 'delete', 'get', 'patch', 'update']),
    part('resize', 'Pod', { strategy: resize as Partial<Strategy> }),
    status('Pod'),
  ],
}
