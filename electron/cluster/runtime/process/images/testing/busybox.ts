import { existsSync, readFileSync } from 'node:fs'
import type { LayerEntry } from './image.ts'

/** Debian's busybox-static: one file that needs no library. */
export const busyboxFile = '/bin/busybox'

const applets =
  'sh id cat ls echo sleep stat chown su env mount touch ping ps umount mknod mkdir nc kill grep chmod tty wget hostname tar vi httpd head tr stty printf true'

/** The entries of a layer that has its commands in /bin. */
export function busyboxBase(): LayerEntry[] {
  if (!existsSync(busyboxFile)) throw new Error('there is no /bin/busybox: on Debian, apt-get install busybox-static')
  return [
    { name: 'bin', type: 'directory', mode: 0o755 },
    { name: 'tmp', type: 'directory', mode: 0o1777 },
    { name: 'bin/busybox', mode: 0o755, content: readFileSync(busyboxFile) },
    ...applets.split(' ').map((name): LayerEntry => ({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' })),
  ]
}
