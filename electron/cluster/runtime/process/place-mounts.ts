import { existsSync, mkdirSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Mount } from '../api.ts'
import { findPart, type ImageFiles } from './image-part.ts'
import type { Image } from './images/service.ts'
import type { Snapshots } from './images/snapshots.ts'
import { overlayLines } from './images/stacking.ts'
import { StartError, type PlacedMount } from './isolation/isolation.ts'
import { buildRoot } from './isolation/root.ts'
import { stageMounts } from './propagation.ts'

export interface PlacingDeps {
  find(image: string): Image | undefined
  /** Of images from registries. */
  snapshots: Snapshots | undefined
  /** A directory of the container's for the files of images. */
  directory: string
  /** The launcher can let mounts through. */
  propagates: boolean
}

export interface PlacedMounts {
  readonly mounts: readonly PlacedMount[]
  /** Lines of a shell that make those which are not there yet. */
  readonly preparations: readonly string[]
}

/** Where on this machine a container's mounts are. Rejects with StartError. */
export async function placeMounts(mounts: readonly Mount[], deps: PlacingDeps): Promise<PlacedMounts> {
  const { staged, lines } = stageMounts(deps.propagates ? mounts : [], deps.directory)
  const preparations = [...lines]
  const placed: PlacedMount[] = []
  for (const [i, mount] of mounts.entries()) {
    const { hostPath, containerPath: to, readOnly, image } = mount
    if (image) {
      const files = filesOf(image.id, path.join(deps.directory, String(i)), to, deps)
      preparations.push(...(files.lines ?? []))
      placed.push(await placeImage(files, image.subPath, to))
      continue
    }
    if (!statSync(hostPath, { throwIfNoEntry: false }))
      throw new StartError(`failed to mount ${to}: ${hostPath} does not exist on the node`)
    const recursive = readOnly && mount.recursiveReadOnly ? { recursiveReadOnly: true } : {}
    placed.push(staged.get(mount) ?? { from: hostPath, to, readOnly, ...recursive })
  }
  return { mounts: placed, preparations }
}

async function placeImage(files: ImageFiles, subPath: string | undefined, to: string): Promise<PlacedMount> {
  const part = subPath
    ? await findPart(files, subPath).catch((error: Error) => {
        throw new StartError(`failed to mount ${to}: ${error.message}`)
      })
    : { path: '', directory: true }
  const from = path.join(files.at, part.path)
  // What an overlay has no upper layer for cannot be written to anyhow.
  return files.lines ? { from, to, readOnly: false, directory: part.directory } : { from, to, readOnly: true }
}

function filesOf(id: string, directory: string, to: string, { find, snapshots }: PlacingDeps): ImageFiles {
  const image = find(id)
  if (!image) throw new StartError(`failed to mount ${to}: image "${id}" is no longer present`)
  if (image.kind === 'sample') {
    if (!existsSync(directory)) buildRoot(directory, image)
    return { at: directory }
  }
  const { chain } = image.stored
  const top = chain.at(-1)
  mkdirSync(directory, { recursive: true })
  if (top === undefined || !snapshots) return { at: directory }
  if (chain.length === 1 || snapshots.stacking === 'copy') return { at: snapshots.files(top) }
  const overlay = { layers: chain.map((layer) => snapshots.relative(layer)), merged: directory }
  return { at: directory, lines: overlayLines(snapshots.directory, overlay) }
}
