import type { KubeObject } from '#shared/kube/object.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { metaOf } from '../registry/loose.ts'
import { created } from './request.ts'

/** The newest object with the annotation, or the first by name among those. */
function newestMarked(
  { services }: AdmissionRequest,
  kind: { group: string; plural: string },
  annotation: string,
): string | undefined {
  let best: KubeObject | undefined
  for (const each of services.list(kind, undefined)) {
    if (each.metadata?.annotations?.[annotation] !== 'true') continue
    if (!best || isBefore(each, best)) best = each
  }
  return best?.metadata?.name
}

function isBefore({ metadata: a = {} }: KubeObject, { metadata: b = {} }: KubeObject): boolean {
  const [first, second] = [a.creationTimestamp ?? '', b.creationTimestamp ?? '']
  return first === second ? (a.name ?? '') < (b.name ?? '') : first > second
}

type Claim = KubeObject & { spec?: { storageClassName?: string } }

export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  mutate(request) {
    const claim = created<Claim>(request, '', 'persistentvolumeclaims')
    if (!claim || claim.spec?.storageClassName !== undefined) return
    if (claim.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return
    const kind = { group: 'storage.k8s.io', plural: 'storageclasses' }
    const name = newestMarked(request, kind, 'storageclass.kubernetes.io/is-default-class')
    if (name !== undefined) (claim.spec ??= {}).storageClassName = name
  },
}

type Ingress = KubeObject & { spec?: { ingressClassName?: string } }

export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  mutate(request) {
    const ingress = created<Ingress>(request, 'networking.k8s.io', 'ingresses')
    if (!ingress || ingress.spec?.ingressClassName !== undefined) return
    if (metaOf(ingress).annotations?.['kubernetes.io/ingress.class'] !== undefined) return
    const kind = { group: 'networking.k8s.io', plural: 'ingressclasses' }
    const name = newestMarked(request, kind, 'ingressclass.kubernetes.io/is-default-class')
    if (name !== undefined) (ingress.spec ??= {}).ingressClassName = name
  },
}
