import { readFileSync } from 'node:fs'

export const lasting = ['nosuid', 'nodev', 'noexec']

/** The mount that holds a path, as this process sees it. */
export function holdingMount(
  file: string,
  mounts = readFileSync('/proc/self/mountinfo', 'utf8'),
): { point: string; options: string } {
  let found = { point: '', options: '' }
  for (const line of mounts.split('\n')) {
    const [, , , , escaped, options] = line.split(' ')
    if (escaped === undefined || options === undefined) continue
    const point = escaped.replaceAll(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8)))
    const holds = point === '/' || file === point || file.startsWith(`${point}/`)
    // The last of those mounted at one place covers the others.
    if (holds && point.length >= found.point.length) found = { point, options }
  }
  return found
}

/**
 * What a user namespace may not take from a mount that it inherited: who makes a part of it read-only must repeat these
 * flags of the mount that holds the path.
 */
export const lastingFlags = (file: string, mounts?: string): string[] =>
  holdingMount(file, mounts)
    .options.split(',')
    .filter((option) => lasting.includes(option))
