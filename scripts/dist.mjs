// `npm run dist`: installers by electron-builder. Where Electron's binary is absent, the packaging is checked against a
// stub in its place, and this says so: nothing of it starts.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { build } from './build.mjs'
import { bin, installMissing, node24, root, run24 } from './toolchain.mjs'

/** What must be in a package for the app to run. */
const needed = [
  'package.json',
  'out/node/main.mjs',
  'out/node/workbench.mjs',
  'out/node/cluster.mjs',
  'out/node/agent.mjs',
  'out/node/shim.mjs',
  'out/node/unpack.mjs',
  'out/node/yaml-worker.mjs',
  'out/preload/preload.cjs',
  'out/renderer/index.html',
  'out/images',
  'resources/manifests/hello.yaml',
  'node_modules/lmdb/package.json',
  path.relative(root, node24()),
  'node_modules/@lydell/node-pty/package.json',
]

function electronIsHere() {
  const folder = path.join(root, 'node_modules', 'electron')
  const file = path.join(folder, 'path.txt')
  return existsSync(file) && existsSync(path.join(folder, 'dist', readFileSync(file, 'utf8').trim()))
}

/** A folder with the names of Electron's distribution and nothing that runs. */
function stubElectron() {
  const folder = path.join(root, 'out', 'electron-stub')
  mkdirSync(path.join(folder, 'resources'), { recursive: true })
  mkdirSync(path.join(folder, 'locales'), { recursive: true })
  for (const file of ['electron', 'LICENSE', 'LICENSES.chromium.html', 'version'])
    writeFileSync(path.join(folder, file), 'stub', { mode: 0o755 })
  return folder
}

/** The packaged cluster runs under the packaged Node, with nothing of the clone. */
function startCluster(app) {
  const data = mkdtempSync(path.join(os.tmpdir(), 'wheelhouse-package-'))
  const node = path.join(app, path.relative(root, node24()))
  const program = `
    const { spawn } = require('node:child_process')
    const child = spawn(process.execPath, ['out/node/cli.mjs', 'up', '--bare', '--data', process.argv[1]], { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.once('data', (line) => { console.error('the package says ' + line); child.kill('SIGTERM') })
    child.on('exit', (code) => process.exit(code ?? 1))`
  const done = spawnSync(node, ['-e', program, data], { cwd: app, stdio: ['ignore', 2, 2], timeout: 60_000 })
  rmSync(data, { recursive: true, force: true })
  if (done.status !== 0) throw new Error('The packaged cluster does not start; its message is above.')
}

export function checkPackaging() {
  const output = path.join(root, 'dist', 'packaging-check')
  rmSync(output, { recursive: true, force: true })
  const args = [
    '--linux',
    'dir',
    '--publish',
    'never',
    `-c.electronDist=${stubElectron()}`,
    `-c.directories.output=${output}`,
  ]
  const status = run24([bin('electron-builder'), ...args], { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('electron-builder failed; its message is above.')
  const app = path.join(output, 'linux-unpacked', 'resources', 'app')
  const absent = needed.filter((file) => !existsSync(path.join(app, file)))
  if (absent.length) throw new Error(`The package lacks ${absent.join(', ')}.`)
  startCluster(app)
}

try {
  installMissing()
  build()
  if (electronIsHere())
    process.exitCode = run24([bin('electron-builder'), '--publish', 'never', ...process.argv.slice(2)])
  else {
    checkPackaging()
    console.log(
      "Packaging check passed with a stub in Electron's place: its binary is not on this machine, so no installer was made and nothing was started.",
    )
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
