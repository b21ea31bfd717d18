import { rm } from 'node:fs/promises'
import { parseQuantity, valueOf } from '#shared/kube/quantity.ts'
import type { KubeClient } from '../../client/api.ts'
import { podResources } from '../core/resources.ts'
import { volumeDirectory } from '../directories.ts'
import type { PodAddresses } from '../environment/fields.ts'
import type { Allocatable } from '../environment/resource-fields.ts'
import type { ReferencedObjects } from '../references/referenced-objects.ts'
import { uidOf, volumesOf, type Node, type Pod, type Volume } from '../types.ts'
import { writeAtomically } from './atomic-writer.ts'
import { ClaimError, claimNameOf, volumeOfClaim } from './claims.ts'
import { prepareEmptyDir, unmount } from './empty-dir.ts'
import { prepareHostPath } from './host-path.ts'
import type { VolumeOnHost } from './mounts.ts'
import { payloadOf, type PayloadSources } from './payloads.ts'
import { mountPersistent } from './persistent.ts'
import type { TokenManager } from './token-manager.ts'

export interface VolumeManagerDeps {
  client: KubeClient
  references: ReferencedObjects
  tokens: TokenManager
  /** A pod's own directory: below it lie its volumes. */
  podDirectory(uid: string): string
  /** Where volumes of our own provisioner lie: they outlive pods. */
  volumesDirectory: string
  allocatable(): Allocatable
  node(): Node
}

export interface MountedVolumes {
  /** By name. */
  paths: ReadonlyMap<string, VolumeOnHost>
  /** What could not be mounted, in upstream's words. */
  failures: readonly string[]
}

/** Makes the volumes of pods on this host and keeps their contents up to date. */
export class VolumeManager {
  readonly #deps: VolumeManagerDeps
  /** Claims that pods have got, by the pods' uids: a claim that is being deleted is not taken from who has it. */
  readonly #claimed = new Map<string, Map<string, VolumeOnHost>>()

  constructor(deps: VolumeManagerDeps) {
    this.#deps = deps
  }

  /** Brings every volume to what the API says now; may be repeated at any time. */
  async mount(pod: Pod, addresses: PodAddresses): Promise<MountedVolumes> {
    const paths = new Map<string, VolumeOnHost>()
    const failures: string[] = []
    const unprocessed = new Map<string, string>()
    const sources = this.#sources(pod, addresses)
    await Promise.all(
      volumesOf(pod).map(async (volume) => {
        // Images are the runtime's to mount.
        if (volume.image) return
        try {
          paths.set(volume.name, await this.#mountOne(pod, volume, sources))
        } catch (error) {
          const { message } = error as Error
          if (error instanceof ClaimError) unprocessed.set(volume.name, message)
          else failures.push(message)
        }
      }),
    )
    if (unprocessed.size) {
      const names = [...unprocessed.keys()].sort().join(' ')
      const why = [...unprocessed.values()].sort().join('; ')
      failures.push(
        `Unable to attach or mount volumes: unmounted volumes=[${names}], unattached volumes=[], failed to process volumes=[${names}]: ${why}`,
      )
    }
    return { paths, failures: failures.sort() }
  }

  /** The claims that pods have, by pod and volume. */
  claims(pod: Pod): { name: string; path: string }[] {
    const mounted = this.#claimed.get(uidOf(pod))
    return (pod.spec?.volumes ?? []).flatMap((volume) => {
      const [name, found] = [claimNameOf(pod, volume), mounted?.get(volume.name)]
      return name && found ? [{ name, path: found.path }] : []
    })
  }

  /** Removes what was made for a pod, with its directory. */
  async remove(pod: Pod): Promise<void> {
    const uid = uidOf(pod)
    for (const volume of pod.spec?.volumes ?? []) {
      if (volume.emptyDir?.medium === 'Memory') await unmount(this.#directory(uid, 'empty-dir', volume.name))
    }
    this.#deps.tokens.forget(uid)
    this.#claimed.delete(uid)
    await rm(this.#deps.podDirectory(uid), { recursive: true, force: true })
  }

  async #mountOne(pod: Pod, volume: Volume, sources: PayloadSources): Promise<VolumeOnHost> {
    const claim = claimNameOf(pod, volume)
    if (claim) return this.#mountClaim(pod, volume, claim)
    try {
      return { path: await this.#mountOwn(pod, volume, sources), readOnly: false }
    } catch (error) {
      const what = `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)}`
      throw new Error(`${what} : ${(error as Error).message}`, { cause: error })
    }
  }

  async #mountClaim(pod: Pod, volume: Volume, claim: string): Promise<VolumeOnHost> {
    const uid = uidOf(pod)
    const known = this.#claimed.get(uid)?.get(volume.name)
    if (known) return known
    const found = await volumeOfClaim(this.#deps.client, pod, volume, claim)
    const { fsGroupChangePolicy } = (pod.spec?.securityContext ?? {}) as { fsGroupChangePolicy?: string }
    const mounted = {
      path: await mountPersistent(found, {
        node: this.#deps.node(),
        directory: this.#deps.volumesDirectory,
        group: groupOf(pod),
        changePolicy: fsGroupChangePolicy === 'OnRootMismatch' ? 'OnRootMismatch' : 'Always',
      }),
      readOnly: volume.persistentVolumeClaim?.readOnly ?? false,
    }
    const all = this.#claimed.get(uid) ?? new Map<string, VolumeOnHost>()
    this.#claimed.set(uid, all.set(volume.name, mounted))
    return mounted
  }

  /** What lives and ends with the pod, or was there before. */
  async #mountOwn(pod: Pod, volume: Volume, sources: PayloadSources): Promise<string> {
    const uid = uidOf(pod)
    const group = groupOf(pod)
    if (volume.hostPath) {
      await prepareHostPath(volume.hostPath.path, volume.hostPath.type)
      return volume.hostPath.path
    }
    const payload = await payloadOf(pod, volume, sources)
    if (payload) {
      const directory = this.#directory(uid, pluginOf(volume), volume.name)
      await writeAtomically(directory, payload, group)
      return directory
    }
    const plugin = Object.keys(volume).find((key) => key !== 'name') ?? 'emptyDir'
    if (plugin !== 'emptyDir') throw new Error(`volumes of type ${plugin} are not available on this node`)
    const directory = this.#directory(uid, 'empty-dir', volume.name)
    // What lies in memory counts as the pod's, so that more than its limit would be in vain.
    const { memory } = this.#deps.allocatable()
    const most = podResources(pod).memoryLimitBytes ?? (memory ? valueOf(parseQuantity(memory)) : Infinity)
    await prepareEmptyDir(directory, volume.emptyDir ?? {}, most, group)
    return directory
  }

  #directory(uid: string, plugin: string, name: string): string {
    return volumeDirectory(this.#deps.podDirectory(uid), plugin, name)
  }

  #sources(pod: Pod, addresses: PodAddresses): PayloadSources {
    const { references, tokens, allocatable } = this.#deps
    const namespace = pod.metadata?.namespace ?? ''
    return {
      configMap: (name) => references.configMap(namespace, name),
      secret: (name) => references.secret(namespace, name),
      token: (source) => tokens.token(pod, source),
      addresses,
      allocatable: allocatable(),
    }
  }
}

/** Only root may give files to a group that it is not in. */
const groupOf = ({ spec }: Pod): number | undefined =>
  process.getuid?.() === 0 ? spec?.securityContext?.fsGroup : undefined

function pluginOf({ configMap, secret, downwardAPI }: Volume): string {
  if (configMap) return 'configmap'
  if (secret) return 'secret'
  return downwardAPI ? 'downward-api' : 'projected'
}
