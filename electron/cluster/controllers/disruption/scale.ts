import type { KubeObject, OwnerReference } from '#shared/kube/object.ts'
import type { Frozen } from '#shared/kube/object.ts'
import {
  deployments,
  replicaSets,
  replicationControllers,
  statefulSets,
  type ResourceType,
} from '#shared/kube/resources.ts'
import { isNotFound, StatusError } from '#shared/kube/status.ts'
import type { Discovery, KubeClient } from '../../client/api.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import type { Lister } from '../../client/cache.ts'
import { controllerOf } from '../framework/support/owner-references.ts'
import type { PodView } from '../framework/support/pods.ts'

export interface Scale {
  /** How many pods their controllers want in all. */
  readonly total: number
  /** Names of pods that nothing controls. */
  readonly unmanaged: readonly string[]
}

type Owner = Frozen<OwnerReference>
type Counted = KubeObject & { readonly spec?: { readonly replicas?: number } }

const groupOf = ({ apiVersion }: Owner): string => (apiVersion.includes('/') ? apiVersion.split('/')[0]! : '')

/** Asks the controllers of pods how many they want: from caches where there are some, else by the subresource. */
export class Scales {
  readonly #deps: { client: KubeClient; discovery: Discovery }
  readonly #cached: readonly { kind: string; groups: readonly string[]; lister: Lister<Counted> }[]
  readonly #deployments: Lister<Counted>
  /** By group and kind. */
  #served = new Map<string, ResourceType>()

  constructor(deps: { informers: InformerFactory; client: KubeClient; discovery: Discovery }) {
    this.#deps = deps
    const lister = (type: ResourceType) => deps.informers.for(type).lister as Lister<Counted>
    this.#deployments = lister(deployments)
    this.#cached = [
      { kind: 'ReplicationController', groups: [''], lister: lister(replicationControllers) },
      { kind: 'ReplicaSet', groups: ['apps', 'extensions'], lister: lister(replicaSets) },
      { kind: 'StatefulSet', groups: ['apps'], lister: lister(statefulSets) },
    ]
  }

  /** Rejects when some controller cannot be asked, or is not there. */
  async of(pods: readonly PodView[]): Promise<Scale> {
    const byUid = new Map<string, number>()
    const asked = new Set<string>()
    const unmanaged: string[] = []
    for (const pod of pods) {
      const { name = '', namespace = '' } = pod.metadata ?? {}
      const owner = controllerOf(pod as KubeObject)
      if (!owner) unmanaged.push(name)
      else if (!asked.has(owner.uid)) {
        asked.add(owner.uid)
        const found = this.#fromCache(namespace, owner) ?? (await this.#live(namespace, owner))
        if (!found) throw new Error(`found no controllers for pod ${JSON.stringify(name)}`)
        byUid.set(found.uid, found.replicas)
      }
    }
    return { total: [...byUid.values()].reduce((sum, count) => sum + count, 0), unmanaged }
  }

  #fromCache(namespace: string, owner: Owner): { uid: string; replicas: number } | undefined {
    const { lister } =
      this.#cached.find(({ kind, groups }) => kind === owner.kind && groups.includes(groupOf(owner))) ?? {}
    const object = lister && find(lister, namespace, owner)
    if (!object) return undefined
    const above = owner.kind === 'ReplicaSet' ? controllerOf(object) : undefined
    if (above?.kind !== 'Deployment') return { uid: owner.uid, replicas: object.spec?.replicas ?? 1 }
    const deployment = find(this.#deployments, namespace, above)
    return deployment && { uid: above.uid, replicas: deployment.spec?.replicas ?? 1 }
  }

  async #live(namespace: string, owner: Owner): Promise<{ uid: string; replicas: number } | undefined> {
    const type = await this.#type(owner)
    try {
      const scale: Counted = await this.#deps.client.get(
        type,
        { namespace, name: owner.name },
        { subresource: 'scale' },
      )
      return scale.metadata?.uid === owner.uid ? { uid: owner.uid, replicas: scale.spec?.replicas ?? 0 } : undefined
    } catch (error) {
      if (!isNotFound(error)) throw error
      // The object is not there, or its kind cannot be scaled: the first names it.
      if (error instanceof StatusError && error.status.details?.name) return undefined
      const resource = type.group ? `${type.plural}.${type.group}` : type.plural
      throw new Error(`${resource} does not implement the scale subresource`, { cause: error })
    }
  }

  async #type(owner: Owner): Promise<ResourceType> {
    const group = groupOf(owner)
    const id = `${group}/${owner.kind}`
    if (!this.#served.has(id)) {
      const { resources } = await this.#deps.discovery.resources()
      this.#served = new Map(resources.map((type) => [`${type.group}/${type.kind}`, type]))
    }
    const type = this.#served.get(id)
    if (!type) throw new Error(`no matches for kind "${owner.kind}" in version "${owner.apiVersion}"`)
    return { ...type, version: owner.apiVersion.split('/').at(-1)! }
  }
}

/** The owner, unless another object has taken its name. */
function find(lister: Lister<Counted>, namespace: string, owner: Owner): Counted | undefined {
  const object = lister.get(`${namespace}/${owner.name}`) as Counted | undefined
  return object?.metadata?.uid === owner.uid ? object : undefined
}
