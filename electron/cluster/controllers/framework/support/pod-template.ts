import type { Pod, PodTemplateSpec } from 'kubernetes-types/core/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { pods, type ResourceType } from '#shared/kube/resources.ts'
import { create, event, remove, type CreateAction, type DeleteAction } from '../action.ts'
import { referenceTo } from '../../../client/event-recorder.ts'
import { controllerReference } from './owner-references.ts'
import type { PodView } from './pods.ts'

/** A pod of its controller's template, named after the controller by generateName. */
export function podFromTemplate<O extends KubeObject>(
  type: ResourceType<O>,
  owner: Frozen<O>,
  template: Frozen<PodTemplateSpec>,
): Pod {
  const { namespace, name } = (owner as KubeObject).metadata ?? {}
  const { labels, annotations, finalizers } = template.metadata ?? {}
  return {
    metadata: {
      generateName: `${name}-`,
      ...(namespace ? { namespace } : {}),
      labels: labels ?? {},
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerReference(type, owner)],
    },
    spec: template.spec as NonNullable<Pod['spec']>,
  }
}

/**
 * Creates an expected pod and says so in an Event of the owner. In a namespace that is ending, failure is no news.
 * `generateName`: default `<owner>-`.
 */
export function createPod<O extends KubeObject>(
  type: ResourceType<O>,
  owner: Frozen<O>,
  template: Frozen<PodTemplateSpec>,
  generateName?: string,
): CreateAction {
  const about = referenceTo(type, owner)
  const pod = podFromTemplate(type, owner, template)
  if (generateName !== undefined) pod.metadata!.generateName = generateName
  return create(pods, pod, {
    expected: true,
    onSuccess: (pod) => event(about, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata?.name}`),
    onFailure: (error) => event(about, 'Warning', 'FailedCreate', `Error creating: ${error.message}`),
    tolerate: (error) => (error.status.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating'),
  })
}

/** Deletes a pod, expects to see it go, and says so in an Event of the owner. One that is gone already is no news. */
export function deletePod<O extends KubeObject>(type: ResourceType<O>, owner: Frozen<O>, pod: PodView): DeleteAction {
  const about = referenceTo(type, owner)
  return remove(pods, pod, {
    expected: true,
    tolerate: (error) => error.code === 404,
    onSuccess: () => event(about, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`),
    onFailure: (error) => event(about, 'Warning', 'FailedDelete', `Error deleting: ${error.message}`),
  })
}
