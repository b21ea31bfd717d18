import type { KubeObject } from '#shared/kube/object.ts'
import { notFound, type StatusError } from '#shared/kube/status.ts'
import type { Pod } from '../registry/core/pod/types.ts'
import type { ActionServices, AdmissionRequest } from '../registry/kind.ts'

interface Token extends KubeObject {
  spec?: {
    audiences?: string[]
    boundObjectRef?: { apiVersion?: string; kind?: string; name?: string; uid?: string }
  }
}

const pods = { group: '', plural: 'pods' }

/** What is wrong with a token that a node asks for. Source: noderestriction, admitServiceAccount. */
export function tokenProblem(
  { object, services, namespace }: AdmissionRequest,
  node: string,
): string | StatusError | undefined {
  const { boundObjectRef: reference, audiences = [] } = (object as Token).spec ?? {}
  if (reference?.kind !== 'Pod' || reference.apiVersion !== 'v1' || !reference.name)
    return 'node requested token not bound to a pod'
  if (!reference.uid) return 'node requested token with a pod binding without a uid'
  const pod = services.get<Pod>(pods, namespace, reference.name)
  if (!pod) return notFound(pods, reference.name)
  if (pod.metadata?.uid !== reference.uid) {
    return `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`
  }
  if (pod.spec?.nodeName !== node) return 'node requested token bound to a pod scheduled on a different node'
  if (audiences.length > 1) return 'node may only request 0 or 1 audiences'
  const [audience = ''] = audiences
  return audiencesOf(pod, services).has(audience)
    ? undefined
    : `audience ${JSON.stringify(audience)} not found in pod spec volume`
}

interface Volume {
  projected?: { sources?: { serviceAccountToken?: { audience?: string } }[] }
  csi?: { driver?: string }
  persistentVolumeClaim?: { claimName?: string }
  ephemeral?: object
  name?: string
}

/** For whom the pod's volumes want tokens; '' is this server. */
function audiencesOf(pod: Pod, services: ActionServices): Set<string> {
  const found = new Set<string>()
  for (const volume of (pod.spec?.volumes ?? []) as Volume[]) {
    for (const { serviceAccountToken: token } of volume.projected?.sources ?? [])
      if (token) found.add(token.audience ?? '')
    const driver = volume.csi?.driver ?? driverOf(pod, volume, services)
    if (!driver) continue
    const known = services.get<KubeObject & { spec?: { tokenRequests?: { audience?: string }[] } }>(
      { group: 'storage.k8s.io', plural: 'csidrivers' },
      undefined,
      driver,
    )
    for (const { audience } of known?.spec?.tokenRequests ?? []) found.add(audience ?? '')
  }
  return found
}

function driverOf({ metadata }: Pod, volume: Volume, services: ActionServices): string | undefined {
  const claim = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral && `${metadata?.name}-${volume.name}`)
  if (!claim) return undefined
  const claims = { group: '', plural: 'persistentvolumeclaims' }
  const bound = services.get<KubeObject & { spec?: { volumeName?: string } }>(claims, metadata?.namespace, claim)
  if (!bound?.spec?.volumeName) return undefined
  const volumes = { group: '', plural: 'persistentvolumes' }
  const found = services.get<KubeObject & { spec?: Volume }>(volumes, undefined, bound.spec.volumeName)
  return found?.spec?.csi?.driver
}
