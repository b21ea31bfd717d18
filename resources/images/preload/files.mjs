// Where a container has no root of its own, Node's fs makes one: paths of the container become paths of its folder on the
// machine, and of its volumes. WHEELHOUSE_FILES is `{ root, mounts: [[path in the container, path here]], shared: [prefix] }`,
// where paths below `shared` mean the same to everyone. It is a view, not a wall.
import { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const { root, mounts, shared } = JSON.parse(process.env.WHEELHOUSE_FILES ?? '{}')
/** Functions by how many paths they begin with; each has a form with Sync, and most one that promises. */
const onePath =
  'access appendFile chmod chown exists lchmod lchown lstat lutimes mkdir mkdtemp mkdtempDisposable open openAsBlob opendir readFile readdir readlink realpath rm rmdir stat statfs truncate unlink unwatchFile utimes watch watchFile writeFile'
const twoPaths = 'copyFile cp link rename'
const answersPaths = new Set(['realpath', 'readlink', 'mkdtemp'])

if (root) {
  const below = (file, folder) =>
    file === folder || file.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep)
  const asIs = (file) => below(file, root) || file === process.execPath || shared.some((folder) => below(file, folder))
  // The innermost mount counts.
  const ordered = mounts.toSorted(([one], [other]) => other.length - one.length)
  const currentDirectory = process.cwd.bind(process)

  const toHost = (file) => {
    const absolute = path.posix.isAbsolute(file)
    if (absolute ? asIs(file) || /^\/(proc|dev|sys)(\/|$)/.test(file) : path.isAbsolute(file)) return file
    const wanted = path.posix.resolve(toPod(currentDirectory()), file)
    const [inside, there] = ordered.find(([point]) => wanted === point || wanted.startsWith(`${point}/`)) ?? ['', root]
    return path.join(there, wanted.slice(inside.length)) + (/.\/$/.test(file) ? path.sep : '')
  }
  const toPod = (file) => {
    const [inside, there] = ordered.find(([, host]) => below(file, host)) ?? ['', root]
    if (!below(file, there)) return file
    return path.posix.join('/', inside, file.slice(there.length).replaceAll(path.sep, '/'))
  }

  const mappedPath = (value) => {
    if (value instanceof URL && value.protocol === 'file:') return toHost(fileURLToPath(value))
    if (Buffer.isBuffer(value)) return toHost(value.toString())
    return typeof value === 'string' ? toHost(value) : value
  }
  const asPod = (value) => {
    if (value instanceof Promise) return value.then(asPod)
    return typeof value === 'string' && path.isAbsolute(value) ? toPod(value) : value
  }

  /** Whether a function of Node's is at work: what it calls in turn has been mapped before. */
  let inner = false
  const mapped = (original, paths, answersPath) => {
    const replacement = function (...args) {
      if (inner) return original.apply(this, args)
      const led = args.slice(0, paths).map(mappedPath)
      const rest = args.slice(paths)
      // Node itself asks for the machine's paths, and is to be answered in them.
      const translated = answersPath && led[0] !== args[0]
      const callback = rest.at(-1)
      if (translated && typeof callback === 'function')
        rest.splice(-1, 1, (error, value) => callback(error, asPod(value)))
      inner = true
      try {
        const value = original.call(this, ...led, ...rest)
        return translated ? asPod(value) : value
      } finally {
        inner = false
      }
    }
    return Object.assign(replacement, original)
  }

  for (const api of [fs, fs.promises]) {
    for (const [names, paths] of [
      [onePath, 1],
      [twoPaths, 2],
    ])
      for (const name of names.split(' '))
        for (const form of [name, `${name}Sync`])
          if (api[form]) api[form] = mapped(api[form], paths, answersPaths.has(name))
    for (const form of ['symlink', 'symlinkSync']) {
      const original = api[form]
      // An absolute target means the container's root, of which the machine's kernel does not know.
      const linked = (target) => (path.posix.isAbsolute(String(target)) ? mappedPath(target) : target)
      if (original) api[form] = (target, file, ...rest) => original(linked(target), mappedPath(file), ...rest)
    }
  }
  for (const form of ['realpath', 'realpathSync']) fs[form].native = mapped(fs[form].native, 1, true)

  // What another Node opens first, it opens before its own fs knows of the root.
  const { spawn } = ChildProcess.prototype
  ChildProcess.prototype.spawn = function (options) {
    const args = [...(options.args ?? [])]
    const program = args.findIndex((argument, index) => index > 0 && !argument.startsWith('-'))
    if (options.file === process.execPath && args[program]?.startsWith('/')) args[program] = toHost(args[program])
    return spawn.call(this, { ...options, args, ...(options.cwd ? { cwd: mappedPath(options.cwd) } : {}) })
  }

  const chdir = process.chdir.bind(process)
  process.chdir = (directory) => chdir(toHost(directory))
  process.cwd = () => toPod(currentDirectory())
  os.hostname = () => process.env.HOSTNAME ?? ''
  os.homedir = () => process.env.HOME ?? '/root'
  syncBuiltinESMExports()
}
