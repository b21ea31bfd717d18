// Builds what changed since the last build. `--force` builds all. Everything it prints goes to stderr.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { bin, installMissing, root, run24 } from './toolchain.mjs'

const common = ['shared', 'package.json', 'package-lock.json', 'scripts/build.mjs']

/** Each target: what it is made from, what it makes, and the commands that make it. */
const targets = {
  descriptions: {
    sources: ['scripts/descriptions.mjs', 'package-lock.json'],
    product: 'out/descriptions.json',
    commands: [['scripts/descriptions.mjs']],
  },
  node: {
    sources: [...common, 'electron', 'vite.node.config.ts', 'vite.preload.config.ts'],
    product: 'out/node/cli.mjs',
    commands: [
      [bin24('vite'), 'build', '-c', 'vite.node.config.ts', '--logLevel', 'warn'],
      [bin24('vite'), 'build', '-c', 'vite.preload.config.ts', '--logLevel', 'warn'],
      ['scripts/warm.mjs'],
    ],
  },
  images: {
    sources: ['resources/images', 'vite.images.config.ts', 'package-lock.json'],
    product: 'out/images',
    commands: [[bin24('vite'), 'build', '-c', 'vite.images.config.ts', '--logLevel', 'warn']],
  },
  renderer: {
    sources: [...common, 'renderer', 'vite.renderer.config.ts'],
    product: 'out/renderer/index.html',
    commands: [[bin24('vite'), 'build', '-c', 'vite.renderer.config.ts', '--logLevel', 'warn']],
  },
}

function bin24(name) {
  return { toString: () => bin(name) }
}

/** A digest over paths, sizes and modification times: cheap enough for every start. */
function digest(sources) {
  const hash = createHash('sha256')
  const visit = (file) => {
    const info = statSync(path.join(root, file), { throwIfNoEntry: false })
    if (!info) return
    if (info.isDirectory()) {
      for (const name of readdirSync(path.join(root, file)).sort()) visit(path.join(file, name))
    } else if (!/\.test\.ts$|\.md$/.test(file)) {
      hash.update(`${file}\0${info.size}\0${info.mtimeMs}\n`)
    }
  }
  for (const source of sources) visit(source)
  return hash.digest('hex')
}

/** Builds the named targets (default: all) that changed. Answers the names of those that it built. */
export function build(names = Object.keys(targets), { force = false } = {}) {
  const stampFile = path.join(root, 'out', 'stamps.json')
  const stamps = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {}
  const built = []
  for (const name of names) {
    const { sources, product, commands } = targets[name]
    const now = digest(sources)
    if (!force && stamps[name] === now && existsSync(path.join(root, product))) continue
    console.error(`Building ${name}…`)
    for (const command of commands) {
      const status = run24(command.map(String), { stdio: ['ignore', 2, 2] })
      if (status !== 0) throw new Error(`Building ${name} failed; the message is above.`)
    }
    built.push(name)
    stamps[name] = now
    mkdirSync(path.dirname(stampFile), { recursive: true })
    writeFileSync(stampFile, JSON.stringify(stamps, null, 2))
  }
  return built
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  installMissing()
  const names = process.argv.slice(2).filter((a) => !a.startsWith('--'))
  build(names.length ? names : undefined, { force: process.argv.includes('--force') })
}
