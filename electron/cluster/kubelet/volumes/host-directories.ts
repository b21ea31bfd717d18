import { rm } from 'node:fs/promises'
import type { PersistentVolume } from 'kubernetes-types/core/v1'
import { persistentVolumes } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import { hostDirectoryFinalizer, nodeOfHostDirectory, volumeProtection, type Volume } from '#shared/kube/storage.ts'
import type { Clock } from '../../base/clock.ts'
import { Disposer } from '../../base/dispose.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import type { KubeClient } from '../../client/api.ts'
import { ApiEventRecorder, referenceTo } from '../../client/event-recorder.ts'
import { startInformer } from '../../client/informer.ts'
import { WorkQueue } from '../../client/work-queue.ts'
import { hostDirectoryOf } from './persistent.ts'

export interface HostDirectoriesDeps {
  /** It watches all volumes, which a node may not. */
  client: KubeClient
  clock: Clock
  random: Random
  logger: Logger
  /** Where the volumes of each node of this process lie. */
  directories: ReadonlyMap<string, string>
}

/**
 * Removes the directories of volumes that are deleted, then the finalizer that kept them in the API until then. Only
 * what bears the volume's name below the node's own directory is ever removed, whatever path the volume tells.
 */
export function startHostDirectories(deps: HostDirectoriesDeps): AsyncDisposable {
  const { client, clock, logger, directories } = deps
  const owned = new Disposer()
  const queue = new WorkQueue({ clock })
  const recorder = owned.own(new ApiEventRecorder({ client, clock, logger, source: { component: 'host-directory' } }))
  const volumes = owned.own(startInformer(deps, persistentVolumes))

  /** The directory that is to be removed. */
  const doomed = (volume: Volume): string | undefined => {
    const { finalizers = [], deletionTimestamp, name = '' } = volume.metadata ?? {}
    if (!deletionTimestamp || !finalizers.includes(hostDirectoryFinalizer)) return undefined
    // A claim may still be bound to it, or somebody wants to keep what it holds.
    if (finalizers.includes(volumeProtection) || volume.spec?.persistentVolumeReclaimPolicy !== 'Delete')
      return undefined
    const directory = directories.get(nodeOfHostDirectory(volume) ?? '')
    return directory && hostDirectoryOf(directory, name)
  }

  async function remove(volume: Volume, directory: string): Promise<void> {
    const { name } = volume.metadata ?? {}
    try {
      await rm(directory, { recursive: true, force: true })
    } catch (error) {
      const { message } = error as Error
      recorder.event(referenceTo(persistentVolumes, volume), 'Warning', 'VolumeFailedDelete', message)
      throw error
    }
    logger.info('the directory of a volume has been removed', { volume: name, directory })
    const finalizers = (volume.metadata?.finalizers ?? []).filter((each) => each !== hostDirectoryFinalizer)
    const freed = { ...volume, metadata: { ...volume.metadata, finalizers } } as PersistentVolume
    await client.update(persistentVolumes, freed).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }

  const work = async () => {
    for (let name = await queue.get(); name !== undefined; name = await queue.get()) {
      const volume = volumes.lister.get(name)
      const directory = volume && doomed(volume)
      try {
        if (directory) await remove(volume, directory)
        queue.forget(name)
      } catch (error) {
        logger.warn('a volume could not be removed; will try again', { volume: name, error: (error as Error).message })
        queue.addRateLimited(name)
      } finally {
        queue.done(name)
      }
    }
  }
  const look = (volume: Volume) => {
    if (doomed(volume)) queue.add(volume.metadata?.name ?? '')
  }
  volumes.handle({ add: look, update: look })
  const working = work()
  owned.defer(async () => {
    await queue.shutDown()
    await working
  })
  return owned
}
