import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import type { ContainerConfig } from '../../api.ts'
import { maskedPaths, readonlyPaths } from '../../masked-paths.ts'
import type { Runnable } from '../images/runnable.ts'
import type { SandboxRecord } from '../records.ts'
import { librariesOf, nameServiceOf } from './programs.ts'
import { preloading, type PlacedMount, type Subject } from './isolation.ts'

/** A step of putting together what a container sees, in order. `to` is a path in the container. */
export type Mount =
  | ({ kind: 'bind' } & PlacedMount)
  | { kind: 'proc' | 'dev' }
  /** What of /proc and /sys acts on the whole machine, or tells of it. */
  | { kind: 'lock'; to: string }
  | { kind: 'hide'; to: string; directory: boolean }
  | { kind: 'lock-root' }

/** Where the mapped network's parts appear in a container. */
const preloadInside = '/usr/lib/wheelhouse/preload'
const reportSocketInside = '/run/wheelhouse/network.sock'

/**
 * Root of a container may be root's number on the host and so the owner of these files; that it cannot take these
 * mounts away again is what the nested user namespace is for.
 */
const locks: readonly Mount[] = readonlyPaths.filter((to) => existsSync(to)).map((to) => ({ kind: 'lock', to }))
const hidings: readonly Mount[] = maskedPaths.flatMap((to) => {
  const found = statSync(to, { throwIfNoEntry: false })
  return found ? [{ kind: 'hide', to, directory: found.isDirectory() }] : []
})

/** Users are the machine's in the end, so that what acts on it stays locked even where nothing is to be hidden. */
export const guardsOf = ({ privileged, unmaskedProc }: ContainerConfig, hostPid: boolean): readonly Mount[] =>
  privileged || hostPid ? [] : [...locks, ...(unmaskedProc ? [] : hidings)]

const bind = (from: string, to: string, readOnly = false): Mount => ({ kind: 'bind', from, to, readOnly })

/** Node and its libraries, which the programs of the sample images run on. */
export async function nodeMounts(nodeBinary: string): Promise<Mount[]> {
  const libraries = await librariesOf(nodeBinary)
  const files = new Set([...libraries, ...nameServiceOf(libraries)])
  return [bind(nodeBinary, '/usr/bin/node', true), ...[...files].map((file) => bind(file, file, true))]
}

/** What the containers of a pod share as /dev/shm; without it each has its own. */
const memoryOf = ({ memory, config }: SandboxRecord): string[] => {
  if (config.hostIpc) return existsSync('/dev/shm') ? ['/dev/shm'] : []
  return memory === undefined ? [] : [memory]
}

export function mountsOf(
  { sandbox, container, place, processes, mounts }: Subject<Runnable>,
  { node, preload }: { node: readonly Mount[]; preload: string },
): Mount[] {
  const { readOnlyRootFilesystem } = container.config
  const { hostPid = false } = sandbox.config
  return [
    ...node,
    hostPid ? bind('/proc', '/proc', true) : processes ? bind(place.proc, '/proc') : { kind: 'proc' },
    ...guardsOf(container.config, hostPid),
    { kind: 'dev' },
    ...memoryOf(sandbox).map((folder) => bind(folder, '/dev/shm')),
    ...['hosts', 'hostname', 'resolv.conf'].map((name) => bind(path.join(place.etc, name), `/etc/${name}`)),
    ...(sandbox.reportSocket
      ? [bind(preload, preloadInside, true), bind(sandbox.reportSocket, reportSocketInside)]
      : []),
    ...mounts.map((mount) => ({ kind: 'bind', ...mount }) as const),
    ...(readOnlyRootFilesystem ? [{ kind: 'lock-root' } as const] : []),
  ]
}

/** What the mapped network's preload is told. */
export const networkEnvironment = (subject: Subject<Runnable>): Record<string, string> =>
  subject.sandbox.reportSocket
    ? {
        WHEELHOUSE_NETWORK: `${subject.sandbox.id}@${reportSocketInside}`,
        ...preloading(subject, `${preloadInside}/network.mjs`),
      }
    : {}
