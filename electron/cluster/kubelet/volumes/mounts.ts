import { chmod, mkdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Mount } from '../../runtime/api.ts'
import { ConfigError } from '../environment/environment.ts'
import { expand } from '../environment/expansion.ts'
import type { Container } from '../types.ts'

type VolumeMount = NonNullable<Container['volumeMounts']>[number]

/** Where a volume lies, and whether the pod may write to it. */
export interface VolumeOnHost {
  path: string
  readOnly: boolean
}

/** The mounts of a container; `images` are the ids of those that are volumes, by volume. A subPath is resolved now, once: it does not follow later updates (as upstream). */
export async function containerMounts(
  container: Container,
  volumes: ReadonlyMap<string, VolumeOnHost>,
  variables: ReadonlyMap<string, string>,
  { images, recursiveReadOnly }: { images: ReadonlyMap<string, string>; recursiveReadOnly: boolean },
): Promise<Mount[]> {
  const mounts: Mount[] = []
  for (const mount of container.volumeMounts ?? []) {
    const { name, mountPath, readOnly = false, subPath, subPathExpr } = mount
    const below = subPathExpr ? expandStrictly(subPathExpr, variables) : subPath
    const containerPath = mountPath.startsWith('/') ? mountPath : `/${mountPath}`
    const image = images.get(name)
    if (image !== undefined) {
      const source = { id: image, ...(below ? { subPath: insideOf(below) } : {}) }
      mounts.push({ hostPath: '', containerPath, readOnly: true, image: source })
      continue
    }
    const volume = volumes.get(name)
    if (volume === undefined)
      throw new ConfigError(
        `cannot find volume ${JSON.stringify(name)} to mount into container ${JSON.stringify(container.name)}`,
      )
    const hostPath = below ? await resolveSubPath(volume.path, below, mountPath) : volume.path
    const propagation = propagationOf(mount)
    mounts.push({
      hostPath,
      containerPath,
      readOnly: readOnly || volume.readOnly,
      ...(isRecursive(mount, recursiveReadOnly) ? { recursiveReadOnly: true } : {}),
      ...(propagation ? { propagation } : {}),
    })
  }
  return mounts
}

function expandStrictly(text: string, variables: ReadonlyMap<string, string>): string {
  const expanded = expand(text, (name) => {
    const value = variables.get(name)
    if (value === undefined) throw new ConfigError(`missing value for ${JSON.stringify(name)}`)
    return value
  })
  return expanded
}

/** Whether a mount is to be read-only all the way down. Source: kubelet's resolveRecursiveReadOnly. */
function isRecursive(mount: VolumeMount, supported: boolean): boolean {
  const { recursiveReadOnly } = mount as { recursiveReadOnly?: string }
  if (recursiveReadOnly === 'Enabled' && !supported)
    throw new ConfigError(
      `volume ${JSON.stringify(mount.name)} requested recursive read-only mode, but it is not supported by the runtime`,
    )
  return recursiveReadOnly === 'Enabled' || (recursiveReadOnly === 'IfPossible' && supported)
}

const propagationOf = ({ mountPropagation: wanted }: VolumeMount): Mount['propagation'] =>
  wanted === 'HostToContainer' || wanted === 'Bidirectional' ? wanted : undefined

/** Source: kubelet's makeMounts, whose texts these are. */
function insideOf(below: string): string {
  if (path.isAbsolute(below)) throw new ConfigError(`error SubPath \`${below}\` must not be an absolute path`)
  if (below.split('/').includes('..'))
    throw new ConfigError(`unable to provision SubPath \`${below}\`: must not contain '..'`)
  return path.normalize(below)
}

const isTrue = () => true
const isFalse = () => false

async function resolveSubPath(volume: string, below: string, mountPath: string): Promise<string> {
  const inside = insideOf(below)
  const root = await realpath(volume)
  const { mode } = await stat(root)
  const outside = new ConfigError(
    `failed to prepare subPath for volumeMount ${JSON.stringify(mountPath)}: it leads out of the volume`,
  )
  // Links inside the volume may lead anywhere, the container may not: every step is checked before the next is made.
  let found = root
  for (const part of inside.split(path.sep).filter((step) => step && step !== '.')) {
    const next = path.join(found, part)
    // As open as the volume itself, whatever the umask.
    if (await mkdir(next).then(isTrue, isFalse)) await chmod(next, mode & 0o7777)
    found = await realpath(next)
    if (found !== root && !found.startsWith(root + path.sep)) throw outside
  }
  return found
}
