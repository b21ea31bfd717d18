import { existsSync, lstatSync, mkdirSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Mount } from '../api.ts'
import type { Image } from './images/service.ts'
import type { Snapshots } from './images/snapshots.ts'
import { overlayLines } from './images/stacking.ts'
import { StartError, type PlacedMount } from './isolation/isolation.ts'
import { buildRoot } from './isolation/root.ts'
import { stageMounts } from './propagation.ts'
import { resolveInRoot } from './root-path.ts'

export interface PlacingDeps {
  find(image: string): Image | undefined
  /** Of images from registries. */
  snapshots: Snapshots | undefined
  /** A directory of the container's for the files of images. */
  directory: string
  /** The launcher can let mounts through. */
  propagates: boolean
}

/** Where on this machine a container's mounts are, and the lines of a shell that make those which are not there yet. */
export function placeMounts(
  mounts: readonly Mount[],
  deps: PlacingDeps,
): { mounts: readonly PlacedMount[]; preparations: readonly string[] } {
  const { staged, lines } = stageMounts(deps.propagates ? mounts : [], deps.directory)
  const preparations = [...lines]
  const placed = mounts.map((mount, i): PlacedMount => {
    const { hostPath, containerPath: to, readOnly } = mount
    if (!mount.image) {
      if (!statSync(hostPath, { throwIfNoEntry: false }))
        throw new StartError(`failed to mount ${to}: ${hostPath} does not exist on the node`)
      const recursive = readOnly && mount.recursiveReadOnly ? { recursiveReadOnly: true } : {}
      return staged.get(mount) ?? { from: hostPath, to, readOnly, ...recursive }
    }
    const { id, subPath } = mount.image
    const image = deps.find(id)
    if (!image) throw new StartError(`failed to mount ${to}: image "${id}" is no longer present`)
    const files = filesOf(image, path.join(deps.directory, String(i)), deps.snapshots)
    preparations.push(...(files.lines ?? []))
    const found = subPath ? below(files.layers, subPath) : { layer: files.at, file: files.at }
    if (!found) throw new StartError(`failed to mount ${to}: the image has no ${subPath}`)
    const directory = !subPath || statSync(found.file).isDirectory()
    const from = path.join(files.at, path.relative(found.layer, found.file))
    // What an overlay has no upper layer for cannot be written to anyhow.
    return files.lines ? { from, to, readOnly: false, directory } : { from, to, readOnly: true }
  })
  return { mounts: placed, preparations }
}

interface ImageFiles {
  /** Where all of them are, or will be. */
  at: string
  /** Where they are already, the topmost layer first. */
  layers: readonly string[]
  /** What mounts them. */
  lines?: readonly string[]
}

function filesOf(image: Image, directory: string, snapshots: Snapshots | undefined): ImageFiles {
  if (image.kind === 'sample') {
    if (!existsSync(directory)) buildRoot(directory, image)
    return { at: directory, layers: [directory] }
  }
  const { chain } = image.stored
  const top = chain.at(-1)
  mkdirSync(directory, { recursive: true })
  if (top === undefined || !snapshots) return { at: directory, layers: [directory] }
  const layers = chain.toReversed().map((id) => snapshots.files(id))
  if (chain.length === 1 || snapshots.stacking === 'copy') return { at: layers[0]!, layers: layers.slice(0, 1) }
  const overlay = { layers: chain.map((id) => snapshots.relative(id)), merged: directory }
  return { at: directory, layers, lines: overlayLines(snapshots.directory, overlay) }
}

function below(layers: readonly string[], subPath: string): { layer: string; file: string } | undefined {
  for (const layer of layers) {
    const file = resolveInRoot(layer, subPath)
    const found = lstatSync(file, { throwIfNoEntry: false })
    // A layer marks by a device what it takes away from those below it.
    if (found) return found.isCharacterDevice() ? undefined : { layer, file }
  }
  return undefined
}
