import { statfs } from 'node:fs/promises'
import { ImagePullError, type ImageService, type ImageStatus } from '../api.ts'
import { CriError, type CriConnection } from './connection.ts'
import type { Image } from './messages.ts'

/** The runtime's own images, which it shares with everybody who uses it. */
export function imageService(cri: CriConnection): ImageService {
  const status = async (name: string): Promise<ImageStatus | undefined> => {
    const { image } = await cri.call('ImageStatus', { image: { image: name } })
    return image ? imageStatus(image) : undefined
  }
  return {
    status,
    async pull(name, auth, signal) {
      const image = { image: name }
      const options = { limit: Infinity, ...(signal ? { signal } : {}) }
      try {
        const { image_ref: reference } = await cri.call('PullImage', { image, ...(auth ? { auth } : {}) }, options)
        const pulled = await status(reference)
        if (!pulled) throw new ImagePullError(`image "${name}" was pulled, and removed at once`)
        return pulled
      } catch (error) {
        throw error instanceof CriError ? new ImagePullError(error.message, { cause: error }) : error
      }
    },
    list: async () => (await cri.call('ListImages', {})).images.map(imageStatus),
    async remove(name) {
      const found = await status(name)
      if (!found) return
      // Runtimes remove what is in use too, and others may use it.
      const names = new Set([found.id, ...(found.digests ?? []), ...found.tags])
      const { containers } = await cri.call('ListContainers', {})
      const user = containers.find((each) => names.has(each.image_id) || names.has(each.image_ref))
      if (user) throw new Error(`image "${name}" is used by container ${user.metadata.name}`)
      await cri.call('RemoveImage', { image: { image: found.id } })
    },
    async disk() {
      const [filesystem] = (await cri.call('ImageFsInfo', {})).image_filesystems
      if (!filesystem?.fs_id) return undefined
      const { bsize, blocks, bavail } = await statfs(filesystem.fs_id.mountpoint)
      return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize }
    },
  }
}

const imageStatus = ({ id, repo_tags, repo_digests, size, uid, username, pinned }: Image): ImageStatus => ({
  id,
  tags: repo_tags,
  digests: repo_digests,
  sizeBytes: size,
  ...(uid ? { user: uid.value } : {}),
  ...(username ? { username } : {}),
  ...(pinned ? { pinned } : {}),
})
