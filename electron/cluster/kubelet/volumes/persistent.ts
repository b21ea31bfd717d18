import { chmod, mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type { PersistentVolume } from 'kubernetes-types/core/v1'
import { isHostDirectory, isReachableFrom } from '#shared/kube/storage.ts'
import type { Node } from '../types.ts'
import { giveToGroup, type ChangePolicy } from './fs-group.ts'
import { prepareHostPath } from './host-path.ts'

export interface Mounting {
  node: Node
  /** Where volumes of our own provisioner lie on this node. */
  directory: string
  /** Of the pod; undefined where the agent may not give files away. */
  group: number | undefined
  changePolicy: ChangePolicy
}

/** Makes a PersistentVolume ready to be mounted, and answers where on this host it lies. */
export async function mountPersistent(volume: PersistentVolume, mounting: Mounting): Promise<string> {
  const { name = '' } = volume.metadata ?? {}
  const { hostPath, local } = volume.spec ?? {}
  // Whoever placed the pod may not have looked at its volumes.
  if (!isReachableFrom(volume, mounting.node)) {
    const check = `MountVolume.NodeAffinity check failed for volume ${JSON.stringify(name)}`
    throw new Error(`${check} : no matching NodeSelectorTerms`)
  }
  const setUp = `MountVolume.SetUp failed for volume ${JSON.stringify(name)} : `
  if (hostPath) {
    await prepareHostPath(hostPath.path, hostPath.type).catch(failWith(setUp))
    return hostPath.path
  }
  if (!local)
    throw new Error(`${setUp}PersistentVolume ${JSON.stringify(name)} is of a type that this node cannot mount`)
  const own = isHostDirectory(volume)
  const directory = own ? hostDirectoryOf(mounting.directory, name) : local.path
  if (own) await make(directory).catch(failWith(setUp))
  else {
    const initialization = `MountVolume.NewMounter initialization failed for volume ${JSON.stringify(name)} : `
    await checkLocal(directory).catch(failWith(initialization))
  }
  if (mounting.group !== undefined)
    await giveToGroup(directory, mounting.group, mounting.changePolicy).catch(failWith(setUp))
  return directory
}

const failWith =
  (what: string) =>
  (error: Error): never => {
    throw new Error(`${what}${error.message}`, { cause: error })
  }

/** Of the volume's name and nothing else: where the data directory was when it was made does not matter. */
export function hostDirectoryOf(directory: string, volume: string): string {
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(volume)) throw new Error(`${JSON.stringify(volume)} names no directory`)
  return path.join(directory, volume)
}

/** Anybody may write into a volume: who runs in the pod is not known to who makes it. */
async function make(directory: string): Promise<void> {
  const made = await mkdir(directory, { recursive: true })
  if (made !== undefined) await chmod(directory, 0o777)
}

async function checkLocal(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => undefined)
  if (!found) throw new Error(`path ${JSON.stringify(directory)} does not exist`)
  if (!found.isDirectory()) throw new Error('only directories are supported')
}
