import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Runnable } from '../images/runnable.ts'
import { librariesOf, nameServiceOf } from './programs.ts'
import { preloading, type PlacedMount, type Subject } from './isolation.ts'

/** A step of putting together what a container sees, in order. `to` is a path in the container. */
export type Mount =
  | ({ kind: 'bind' } & PlacedMount)
  | { kind: 'proc' | 'dev' }
  /** Files of /proc that act on the whole machine. */
  | { kind: 'lock' | 'hide'; to: string }
  | { kind: 'lock-root' }

/** Where the mapped network's parts appear in a container. */
const preloadInside = '/usr/lib/wheelhouse/preload'
const reportSocketInside = '/run/wheelhouse/network.sock'

/**
 * Root of a container may be root's number on the host and so the owner of these files; that it cannot take these
 * mounts away again is what the nested user namespace is for.
 */
const locked = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']
const hidden = ['/proc/kcore', '/proc/keys', '/proc/timer_list']

export const guards: readonly Mount[] = [
  ...locked.filter((to) => existsSync(to)).map((to) => ({ kind: 'lock', to }) as const),
  ...hidden.filter((to) => existsSync(to)).map((to) => ({ kind: 'hide', to }) as const),
]

const bind = (from: string, to: string, readOnly = false): Mount => ({ kind: 'bind', from, to, readOnly })

/** Node and its libraries, which the programs of the sample images run on. */
export async function nodeMounts(nodeBinary: string): Promise<Mount[]> {
  const libraries = await librariesOf(nodeBinary)
  const files = new Set([...libraries, ...nameServiceOf(libraries)])
  return [bind(nodeBinary, '/usr/bin/node', true), ...[...files].map((file) => bind(file, file, true))]
}

export function mountsOf(
  { sandbox, container, place, processes, mounts }: Subject<Runnable>,
  { node, preload }: { node: readonly Mount[]; preload: string },
): Mount[] {
  const { readOnlyRootFilesystem, privileged } = container.config
  const { hostPid = false } = sandbox.config
  return [
    ...node,
    hostPid ? bind('/proc', '/proc', true) : processes ? bind(place.proc, '/proc') : { kind: 'proc' },
    ...(privileged || hostPid ? [] : guards),
    { kind: 'dev' },
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
