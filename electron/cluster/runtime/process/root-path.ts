import { lstatSync, readlinkSync, statSync } from 'node:fs'
import path from 'node:path'

const maxLinks = 40

/**
 * Where a path inside a container's root is on the host, following symbolic links as they mean inside: absolute ones
 * start at the root again, and `..` does not leave it.
 */
export function resolveInRoot(root: string, inside: string): string {
  let links = 0
  const left = inside.split('/').reverse()
  const found: string[] = []
  while (left.length) {
    const part = left.pop()!
    if (part === '' || part === '.') continue
    if (part === '..') {
      found.pop()
      continue
    }
    const host = path.join(root, ...found, part)
    const target = linkAt(host)
    if (target === undefined) {
      found.push(part)
      continue
    }
    if (++links > maxLinks) break
    if (target.startsWith('/')) found.length = 0
    left.push(...target.split('/').reverse())
  }
  return path.join(root, ...found)
}

function linkAt(file: string): string | undefined {
  try {
    return lstatSync(file).isSymbolicLink() ? readlinkSync(file) : undefined
  } catch {
    return undefined
  }
}

/** The message a Kubernetes user knows when a command is not there; undefined when it can be executed. */
export function commandFault(
  root: string,
  command: string,
  searchPath: string,
  workingDir: string,
): string | undefined {
  if (command.includes('/')) {
    const fault = fileFault(resolveInRoot(root, path.posix.resolve(workingDir, command)))
    return (
      fault &&
      `exec: "${command}": ${fault === 'missing' ? `stat ${command}: no such file or directory` : 'permission denied'}: unknown`
    )
  }
  for (const directory of searchPath.split(':')) {
    if (fileFault(resolveInRoot(root, path.posix.join(directory || '.', command))) === undefined) return undefined
  }
  return `exec: "${command}": executable file not found in $PATH: unknown`
}

function fileFault(file: string): 'missing' | 'denied' | undefined {
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found) return 'missing'
  return found.isFile() && found.mode & 0o111 ? undefined : 'denied'
}
