import { mkdirSync, readFileSync, statfsSync, statSync } from 'node:fs'
import os from 'node:os'
import { resolveInRoot } from '../../root-path.ts'
import { applyLayer } from './apply-layer.ts'

/** What the program is told, as JSON in its argument. */
export interface UnpackOrder {
  /** The layer's blob. */
  blob: string
  /** What the layers below look like; its files are laid over them. */
  root: string
  /** The digest that the archive must have. */
  diffId: string
  owners: boolean
  /** It stops when less is left on the disk. */
  keepFreeBytes: number
}

/** What it writes to its output, as JSON. */
export type UnpackResult = Unpacked | { error: string }

export interface Unpacked {
  /** Who is who in the image so far. */
  passwd: string
  group: string
}

const longestAccounts = 1024 * 1024
const checkEveryBytes = 16 * 1024 * 1024

export async function unpack(order: UnpackOrder): Promise<UnpackResult> {
  const { root, diffId, keepFreeBytes } = order
  let sinceCheck = checkEveryBytes
  const room = (bytes: number) => {
    sinceCheck += bytes
    if (sinceCheck < checkEveryBytes) return
    sinceCheck = 0
    const { bavail, bsize } = statfsSync(root)
    if (bavail * bsize < keepFreeBytes) throw new Error('the disk is full: no room is left for the layer')
  }
  try {
    mkdirSync(root, { recursive: true })
    const found = await applyLayer(order.blob, root, diffId, { owners: order.owners, room })
    if (found !== diffId) return { error: `the content of layer ${diffId} has the digest ${found}` }
    return { passwd: accounts(root, '/etc/passwd'), group: accounts(root, '/etc/group') }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

function accounts(root: string, name: string): string {
  const file = resolveInRoot(root, name)
  const found = statSync(file, { throwIfNoEntry: false })
  return found?.isFile() && found.size <= longestAccounts ? readFileSync(file, 'utf8') : ''
}

if (process.argv[2]?.startsWith('{')) {
  process.umask(0)
  // Containers that run come first.
  os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL)
  const result = await unpack(JSON.parse(process.argv[2]) as UnpackOrder)
  process.stdout.write(JSON.stringify(result))
}
