import type { KubeObject } from '#shared/kube/object.ts'
import type { KindIndex } from '../kinds/kind-index.ts'
import { referencesOf, secretsOfVolume, type PodReferences } from '../registry/core/pod/references.ts'
import { mirrorAnnotation } from '../registry/core/pod/annotations.ts'

interface Pod extends KubeObject {
  spec?: { nodeName?: string; serviceAccountName?: string }
}
interface Claim extends KubeObject {
  spec?: { volumeName?: string }
}
interface Volume extends KubeObject {
  spec?: { claimRef?: { namespace?: string; name?: string } }
}

/**
 * What belongs to a node because of the pods that are bound to it. Nothing is kept: the index of pods by node leads to
 * the few that matter, and what a pod names is read once for each of its states.
 */
export class NodeRelations {
  readonly #kinds: KindIndex
  readonly #references = new WeakMap<KubeObject, PodReferences>()

  constructor(kinds: KindIndex) {
    this.#kinds = kinds
  }

  hasPod(node: string, namespace: string, name: string): boolean {
    return this.#read<Pod>('', 'pods', namespace, name)?.spec?.nodeName === node
  }

  runsAs(node: string, namespace: string, account: string): boolean {
    return this.#some(node, namespace, ({ spec }) => (spec?.serviceAccountName || 'default') === account)
  }

  needsConfigMap(node: string, namespace: string, name: string): boolean {
    return this.#someNames(node, namespace, ({ configMaps }) => configMaps.has(name))
  }

  needsClaim(node: string, namespace: string, name: string): boolean {
    return this.#someNames(node, namespace, ({ claims }) => claims.has(name))
  }

  needsResourceClaim(node: string, namespace: string, name: string): boolean {
    return this.#someNames(node, namespace, ({ resourceClaims }) => resourceClaims.has(name))
  }

  needsVolume(node: string, name: string): boolean {
    const reference = this.#read<Volume>('', 'persistentvolumes', '', name)?.spec?.claimRef
    return reference !== undefined && this.needsClaim(node, reference.namespace ?? '', reference.name ?? '')
  }

  /** Named by a pod, or by a volume that a pod claims; the secret need not be of the pod's namespace then. */
  needsSecret(node: string, namespace: string, name: string): boolean {
    if (this.#someNames(node, namespace, ({ secrets }) => secrets.has(name))) return true
    return this.#some(node, undefined, (pod) => {
      const home = pod.metadata?.namespace ?? ''
      return [...this.#namesOf(pod).claims].some((claim) =>
        this.#volumeSecrets(home, claim).has(`${namespace}/${name}`),
      )
    })
  }

  isAttached(node: string, attachment: string): boolean {
    const found = this.#read<Pod>('storage.k8s.io', 'volumeattachments', '', attachment)
    return found?.spec?.nodeName === node
  }

  owns(node: string, slice: string): boolean {
    return this.#read<Pod>('resource.k8s.io', 'resourceslices', '', slice)?.spec?.nodeName === node
  }

  #volumeSecrets(namespace: string, claim: string): Set<string> {
    const volume = this.#read<Claim>('', 'persistentvolumeclaims', namespace, claim)?.spec?.volumeName
    const found = volume ? this.#read<Volume>('', 'persistentvolumes', '', volume) : undefined
    const { claimRef } = found?.spec ?? {}
    if (claimRef?.namespace !== namespace || claimRef.name !== claim) return new Set()
    return secretsOfVolume(found!.spec, namespace)
  }

  #someNames(node: string, namespace: string, test: (names: PodReferences) => boolean): boolean {
    return this.#some(node, namespace, (pod) => test(this.#namesOf(pod)))
  }

  /** Pods that the node itself brought along lend it nothing. */
  #some(node: string, namespace: string | undefined, test: (pod: Pod) => boolean): boolean {
    const pods = this.#kinds.resource('', 'pods')
    if (!pods?.stored) return false
    const { objects } = pods
    for (const key of objects.indexed('spec.nodeName', node) ?? []) {
      const entry = objects.get(key)
      if (!entry || (namespace !== undefined && !key.startsWith(objects.prefixOf(namespace)))) continue
      const pod = pods.object(entry) as Pod
      if (pod.metadata?.annotations?.[mirrorAnnotation] === undefined && test(pod)) return true
    }
    return false
  }

  #namesOf(pod: Pod): PodReferences {
    let names = this.#references.get(pod)
    if (!names) this.#references.set(pod, (names = referencesOf(pod)))
    return names
  }

  #read<T extends KubeObject>(group: string, plural: string, namespace: string, name: string): T | undefined {
    const kind = this.#kinds.resource(group, plural)
    const entry = kind?.stored ? kind.objects.get(kind.objects.keyOf(namespace || undefined, name)) : undefined
    return entry && (kind!.object(entry) as T)
  }
}
