import { realpathSync, statSync } from 'node:fs'
import path from 'node:path'
import { run } from './isolation/programs.ts'
import { inNamespace } from './images/stacking.ts'

/** The files of an image as they are seen together. */
export interface ImageFiles {
  /** Where they are, or will be. */
  readonly at: string
  /** Lines of a shell that mount them there, in a mount namespace. */
  readonly lines?: readonly string[]
}

export interface ImagePart {
  /** Below where the files are; no link is in it. */
  readonly path: string
  readonly directory: boolean
}

/**
 * What is at a path of an image, all of its layers taken together. Rejects with a sentence where there is nothing. Links are followed
 * as they are for who has mounted the image as a volume: one that is absolute, or leads above it, leaves it.
 */
export async function findPart({ at, lines }: ImageFiles, subPath: string): Promise<ImagePart> {
  const [root, found, kind] = lines?.length ? await seen(lines, at, subPath) : here(at, subPath)
  const isWithin = found === root || found.startsWith(root + path.sep)
  // What there is outside is nobody's business.
  if (!isWithin || !kind) throw new Error(`the image has no ${subPath}, or only a link that leads out of it`)
  return { path: path.relative(root, found), directory: kind === 'directory' }
}

type Seen = [root: string, found: string, kind: string]

function here(at: string, subPath: string): Seen {
  const root = realpathSync(at)
  try {
    const found = realpathSync(path.join(at, subPath))
    return [root, found, statSync(found).isDirectory() ? 'directory' : 'file']
  } catch {
    return [root, '', '']
  }
}

const look = `cd "$1" && pwd -P && found=$(readlink -f -- "$2"); echo "$found"
if [ -d "$found" ]; then echo directory; elif [ -e "$found" ]; then echo file; fi`

async function seen(lines: readonly string[], at: string, subPath: string): Promise<Seen> {
  const [file, ...args] = inNamespace(lines, ['sh', '-c', look, 'sh', at, subPath])
  const [root = '', found = '', kind = ''] = (await run(file!, args)).stdout.split('\n')
  return [root, found, kind]
}
