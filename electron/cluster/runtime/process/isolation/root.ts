import { chmodSync, copyFileSync, linkSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { group, nameService, passwd } from '../../etc.ts'
import { boxPath, type SampleImage } from '../images/samples.ts'

const directories = [
  'usr/bin',
  'usr/lib/wheelhouse',
  'etc',
  'proc',
  'dev',
  'sys',
  'home',
  'mnt',
  'opt',
  'run',
  'srv',
  'var/log',
  'var/tmp',
  'usr/local/bin',
]
const links = { bin: 'usr/bin', sbin: 'usr/bin', 'usr/sbin': 'bin', 'var/run': '../run' }

/** The name that every tool of /bin is a link to: it starts Node with the tool's name. */
const launcher = 'box'

/** A container's own copy of an image: writable, and small enough that copying beats an overlay. */
export function buildRoot(root: string, image: SampleImage): void {
  for (const directory of directories) mkdirSync(path.join(root, directory), { recursive: true })
  for (const [name, target] of Object.entries(links)) link(root, name, target)
  mkdirSync(path.join(root, 'root'), { mode: 0o700 })
  mkdirSync(path.join(root, 'tmp'))
  chmodSync(path.join(root, 'tmp'), 0o1777)
  writeFileSync(path.join(root, 'etc/passwd'), passwd)
  writeFileSync(path.join(root, 'etc/group'), group)
  writeFileSync(path.join(root, 'etc/nsswitch.conf'), nameService)
  for (const [target, source] of image.files) {
    const file = path.join(root, target)
    mkdirSync(path.dirname(file), { recursive: true })
    copyFileSync(source, file)
  }
  writeFileSync(path.join(root, 'usr/bin', launcher), `#!/usr/bin/node ${boxPath}\n`, { mode: 0o755 })
  linkTools(root, image.bin)
}

/** All are one link by many names: a link of its own for each costs several times as much, and a pod's start with it. */
function linkTools(root: string, [first, ...others]: readonly string[]): void {
  if (first === undefined) return
  link(root, `usr/bin/${first}`, launcher)
  for (const tool of others) {
    try {
      linkSync(path.join(root, 'usr/bin', first), path.join(root, 'usr/bin', tool))
    } catch {
      // Not every file system has these.
      link(root, `usr/bin/${tool}`, launcher)
    }
  }
}

/** Windows lets everybody link directories, by absolute paths, and only some people files. */
function link(root: string, name: string, target: string): void {
  const file = path.join(root, name)
  if (process.platform !== 'win32') return symlinkSync(target, file)
  const absolute = path.join(path.dirname(file), target)
  if (statSync(absolute).isDirectory()) symlinkSync(absolute, file, 'junction')
  else copyFileSync(absolute, file)
}
