import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

export const run = promisify(execFile)

/** Like `which`, but also where only root's PATH looks. */
export function findProgram(name: string): string | undefined {
  for (const directory of [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    const file = path.join(directory, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not here.
    }
  }
  return undefined
}

/** What makes namespaces and a root in them, with the packages that bring it. */
export const namespacePrograms = {
  sh: 'a shell',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  umount: 'mount',
  pivot_root: 'util-linux',
  env: 'coreutils',
} as const

/** All of them by name, or the sentence that says which is missing. */
export function findPrograms<Name extends string>(packages: Readonly<Record<Name, string>>): Record<Name, string> {
  const names = Object.keys(packages) as Name[]
  const found = names.map((name) => [name, findProgram(name)] as const)
  const missing = found.flatMap(([name, file]) => (file ? [] : [`${name} (${packages[name]})`]))
  if (missing.length) throw new Error(`not installed: ${missing.join(', ')}`)
  return Object.fromEntries(found) as Record<Name, string>
}

/** The shared libraries that a program needs, the loader included. */
export async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program])
  return [...stdout.matchAll(/(?:=> |^\s*)(\/\S+)/gm)].map((match) => match[1]!)
}

/** What a C library loads by itself to look names up. */
export function nameServiceOf(libraries: readonly string[]): string[] {
  const libc = libraries.find((file) => /\/libc[.-]/.test(file))
  const names = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2']
  return libc ? names.map((name) => path.join(path.dirname(libc), name)).filter((file) => existsSync(file)) : []
}

/** One word of a shell's command. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
