import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import type { IOType } from 'node:child_process'

const closeOnExec = 0o2000000

/**
 * The standard streams of a program that is to have no other file of this process. Node opens its files so that no
 * child has them, libraries (LMDB for one) and whoever started this process may not: /dev/null takes their places.
 * Disposing closes what that took, once the program is started.
 */
export function withoutOtherFiles(streams: readonly (IOType | number)[]): { stdio: (IOType | number)[] } & Disposable {
  const inherited = process.platform === 'linux' ? inheritable() : []
  if (!inherited.length) return { stdio: [...streams], [Symbol.dispose]: () => {} }
  const empty = openSync('/dev/null', 'r+')
  const stdio: (IOType | number)[] = [...streams]
  for (const descriptor of inherited) {
    while (stdio.length <= descriptor) stdio.push('ignore')
    stdio[descriptor] = empty
  }
  return { stdio, [Symbol.dispose]: () => closeSync(empty) }
}

function inheritable(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((descriptor) => {
      if (descriptor < 3) return false
      try {
        const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1]
        return flags !== undefined && (parseInt(flags, 8) & closeOnExec) === 0
      } catch {
        // That of the listing itself.
        return false
      }
    })
}
