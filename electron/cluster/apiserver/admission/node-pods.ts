import type { KubeObject } from '#shared/kube/object.ts'
import { notFound, type StatusError } from '#shared/kube/status.ts'
import { semanticEqual } from '../registry/equal.ts'
import { mirrorAnnotation } from '../registry/core/pod/annotations.ts'
import { referencesOf } from '../registry/core/pod/references.ts'
import type { Pod } from '../registry/core/pod/types.ts'
import type { AdmissionRequest } from '../registry/kind.ts'

/** What is wrong with what a node wants of pods. Source: plugin/pkg/admission/noderestriction, admitPod*. */
export function podProblem(request: AdmissionRequest, node: string): string | StatusError | undefined {
  const shown = JSON.stringify(node)
  const { operation, subresource, old, services, namespace, name } = request
  const hosted = (pod: KubeObject | undefined) => (pod as Pod | undefined)?.spec?.nodeName === node
  switch (subresource) {
    case '':
      if (operation === 'CREATE') return mirrorProblem(request, node)
      if (operation === 'DELETE')
        return hosted(old) ? undefined : `node ${shown} can only delete pods with spec.nodeName set to itself`
      return `unexpected operation "${operation}", node ${shown} can only create and delete mirror pods`
    case 'status':
      if (!hosted(old)) return `node ${shown} can only update pod status for pods with spec.nodeName set to itself`
      if (!semanticEqual(old?.metadata?.labels, request.object?.metadata?.labels))
        return `node ${shown} cannot update labels through pod status`
      return claimStatusProblem(request, shown)
    case 'eviction':
      return hosted(services.get({ group: '', plural: 'pods' }, namespace, name))
        ? undefined
        : `node ${node} can only evict pods with spec.nodeName set to itself`
    default:
      return `unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`
  }
}

/** Which claims of devices are a pod's: what it names, the node may read. */
function claimStatusProblem({ object, old }: AdmissionRequest, shown: string): string | undefined {
  const [now, before] = [object as Pod, old as Pod] as unknown as ClaimStatuses[]
  if (!semanticEqual(now?.status?.resourceClaimStatuses, before?.status?.resourceClaimStatuses))
    return `node ${shown} cannot update resource claim statues`
  return semanticEqual(now?.status?.extendedResourceClaimStatus, before?.status?.extendedResourceClaimStatus)
    ? undefined
    : `node ${shown} cannot update extended resource claim status`
}

interface ClaimStatuses {
  status?: { resourceClaimStatuses?: unknown; extendedResourceClaimStatus?: unknown }
}

/** A mirror pod only shows what runs on the node anyway: it must not lend the node anything. */
function mirrorProblem({ object, services }: AdmissionRequest, node: string): string | StatusError | undefined {
  const shown = JSON.stringify(node)
  const pod = object as Pod
  if (pod.metadata?.annotations?.[mirrorAnnotation] === undefined)
    return `pod does not have ${JSON.stringify(mirrorAnnotation)} annotation, node ${shown} can only create mirror pods`
  if (pod.spec?.nodeName !== node) return `node ${shown} can only create pods with spec.nodeName set to itself`
  const owners = pod.metadata?.ownerReferences ?? []
  if (owners.length > 1) return `node ${shown} can only create pods with a single owner reference set to itself`
  const [owner] = owners
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    return `node ${shown} can only create pods with an owner reference set to itself`
  if (!owner.controller) return `node ${shown} can only create pods with a controller owner reference set to itself`
  if (owner.blockOwnerDeletion) return `node ${shown} must not set blockOwnerDeletion on an owner reference`
  const uid = services.get({ group: '', plural: 'nodes' }, undefined, node)?.metadata?.uid
  if (!uid) return notFound({ group: '', plural: 'nodes' }, node)
  if (owner.uid !== uid) return `node ${node} UID mismatch: expected ${owner.uid} got ${uid}`
  const { secrets, configMaps } = referencesOf(pod)
  const isReferring = (what: string) => `node ${shown} can not create pods that reference ${what}`
  if (pod.spec.serviceAccountName) return isReferring('a service account')
  if (secrets.size) return isReferring('secrets')
  if (configMaps.size) return isReferring('configmaps')
  const volumes = (pod.spec.volumes ?? []) as { persistentVolumeClaim?: object }[]
  if (volumes.some((volume) => volume.persistentVolumeClaim)) return isReferring('persistentvolumeclaims')
  return (pod.spec as { resourceClaims?: unknown[] }).resourceClaims?.length ? isReferring('resourceclaims') : undefined
}
