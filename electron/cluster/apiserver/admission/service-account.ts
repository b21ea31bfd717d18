import type { KubeObject } from '#shared/kube/object.ts'
import type { Clock } from '../../base/clock.ts'
import { nameSuffix, type Random } from '../../base/random.ts'
import { mirrorAnnotation } from '../registry/core/pod/annotations.ts'
import type { Pod, PodSpec } from '../registry/core/pod/types.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { created, forbidden } from './request.ts'

interface ServiceAccount extends KubeObject {
  automountServiceAccountToken?: boolean
  imagePullSecrets?: { name?: string }[]
}

const resource = { group: '', plural: 'serviceaccounts' }
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount'
const volumePrefix = 'kube-api-access-'
/** An hour and a little, so that the kubelet's renewal at an hour comes in time. */
const tokenSeconds = 3607

/** The account of a namespace is made right after the namespace: whoever is faster than that waits a moment. */
const attempts = 10
const pauseMs = 100

/** Pods run as a service account, whose token they find in a volume. Source: plugin/pkg/admission/serviceaccount. */
export function serviceAccount({ clock, random }: { clock: Clock; random: Random }): AdmissionPlugin {
  async function accountOf(request: AdmissionRequest, name: string): Promise<ServiceAccount> {
    for (let attempt = 1; ; attempt++) {
      const account = request.services.get<ServiceAccount>(resource, request.namespace, name)
      if (account) return account
      if (name !== 'default' || attempt === attempts) {
        const at = `${request.namespace ?? ''}/${name}`
        throw forbidden(
          request,
          `error looking up service account ${at}: serviceaccount ${JSON.stringify(name)} not found`,
        )
      }
      await clock.sleep(pauseMs)
    }
  }
  return {
    name: 'ServiceAccount',
    async mutate(request) {
      const pod = created<Pod>(request, '', 'pods')
      if (!pod || isMirror(pod)) return
      const spec = (pod.spec ??= {})
      const account = await accountOf(request, (spec.serviceAccountName ||= 'default'))
      spec.serviceAccount = spec.serviceAccountName
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec, random)
      const secrets = account.imagePullSecrets ?? []
      if (!spec.imagePullSecrets?.length && secrets.length)
        spec.imagePullSecrets = secrets.map(({ name = '' }) => ({ name }))
    },
    validate(request) {
      const pod = created<Pod>(request, '', 'pods')
      const wrong = pod && isMirror(pod) ? mirrorProblem(pod.spec ?? {}) : undefined
      if (wrong) throw forbidden(request, wrong)
    },
  }
}

const isMirror = ({ metadata }: Pod): boolean => metadata?.annotations?.[mirrorAnnotation] !== undefined

/** What comes from a file on the node cannot use what only the server has. */
function mirrorProblem(spec: PodSpec): string | undefined {
  if (spec.serviceAccountName) return 'a mirror pod may not reference service accounts'
  for (const volume of spec.volumes ?? []) {
    if (volume.secret) return 'a mirror pod may not reference secrets'
    if (volume.persistentVolumeClaim) return 'a mirror pod may not use persistent volume claims'
    for (const source of volume.projected?.sources ?? []) {
      if (source.serviceAccountToken) return 'a mirror pod may not use ServiceAccountToken volume projections'
    }
  }
  return undefined
}

function mountToken(spec: PodSpec, random: Random): void {
  const existing = spec.volumes?.find(({ name }) => name?.startsWith(volumePrefix))?.name
  const name = existing ?? volumePrefix + nameSuffix(random)
  let needed = false
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) continue
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }]
    needed = true
  }
  if (existing || !needed) return
  const fieldRef = { apiVersion: 'v1', fieldPath: 'metadata.namespace' }
  const sources = [
    { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef }] } },
  ]
  spec.volumes = [...(spec.volumes ?? []), { name, projected: { defaultMode: 0o644, sources } }]
}
