import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { Snapshots } from '../images/snapshots.ts'
import { makeUpper, overlayLines } from '../images/stacking.ts'
import { run } from './programs.ts'

export interface PulledRoot {
  /** Where the container's root is, once the lines have run. */
  path: string
  /** Lines of a shell that mount it. */
  mountLines: string[]
  /** Those of the mount that a remount has to repeat; absent: those of the disk. */
  flags?: readonly string[]
}

/**
 * The files of a container, below `directory`: an overlay over the image's layers, or a copy of them. `names` are
 * directories of ours that are made in it.
 */
export async function makePulledRoot(
  directory: string,
  chain: readonly string[],
  snapshots: Snapshots,
  names: readonly string[],
): Promise<PulledRoot> {
  const [upper, work, merged] = ['upper', 'work', 'merged'].map((name) => path.join(directory, name)) as [
    string,
    string,
    string,
  ]
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const top = chain.at(-1)
  const overlaid = top !== undefined && snapshots.stacking === 'overlay'
  if (top === undefined) mkdirSync(merged, { mode: 0o755 })
  else if (overlaid) {
    makeUpper(upper, snapshots.files(top))
    for (const folder of [work, merged]) mkdirSync(folder)
  } else await run('cp', ['-a', '--reflink=auto', snapshots.files(top), merged])
  const writable = overlaid ? upper : merged
  for (const name of names) makeReal(writable, name)
  if (!overlaid) return { path: merged, mountLines: [] }
  const layers = chain.map((id) => snapshots.relative(id))
  return {
    path: merged,
    mountLines: overlayLines(snapshots.directory, { layers, writable: { upper, work }, merged }),
    flags: ['nodev'],
  }
}

/** A directory with all its parents; whatever an image has in their places goes, links above all. */
function makeReal(root: string, name: string): void {
  let place = root
  for (const part of name.split('/').filter(Boolean)) {
    place = path.join(place, part)
    if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory()) continue
    rmSync(place, { recursive: true, force: true })
    mkdirSync(place, { mode: 0o755 })
  }
}
