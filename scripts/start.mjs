// `npm start`: installs and builds what is missing, then opens the app: in Electron where it can run, else in the browser.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { build } from './build.mjs'
import { installMissing, node24, root, spawn24, whenNpmDies } from './toolchain.mjs'

const require = createRequire(import.meta.url)
const electronFolder = path.join(root, 'node_modules', 'electron')
const failureFile = path.join(root, 'out', 'electron-fetch-failed')

/** The Electron binary, when its package has it. */
function electronBinary() {
  const pathFile = path.join(electronFolder, 'path.txt')
  if (!existsSync(pathFile)) return undefined
  const file = path.join(electronFolder, 'dist', readFileSync(pathFile, 'utf8').trim())
  return existsSync(file) ? file : undefined
}

/** Lets Electron's package fetch its binary, for 5 s at most. A failure is remembered for this version. */
function fetchElectron() {
  const { version } = require('electron/package.json')
  if (existsSync(failureFile) && readFileSync(failureFile, 'utf8') === version) return false
  const installer = path.join(electronFolder, 'install.js')
  if (existsSync(installer)) spawnSync(node24(), [installer], { timeout: 5000, stdio: 'ignore', killSignal: 'SIGKILL' })
  if (electronBinary()) return true
  mkdirSync(path.dirname(failureFile), { recursive: true })
  writeFileSync(failureFile, version)
  return false
}

/** `{ electron }`, or `{ reason }` why the app opens in the browser. */
function chooseHost() {
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)
    return { reason: 'there is no display' }
  if (!electronBinary() && !fetchElectron())
    return {
      reason: `Electron's binary is not here and could not be fetched (delete ${path.relative(root, failureFile)} to try again)`,
    }
  return { electron: electronBinary() }
}

function endWith(child) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill('SIGTERM'))
  whenNpmDies(() => child.kill('SIGTERM'))
  child.on('exit', (code) => process.exit(code ?? 1))
}

try {
  installMissing()
  build()
  const { electron, reason } = chooseHost()
  if (electron) {
    console.log('Wheelhouse opens in Electron: its binary and a display are here.')
    // Chromium's sandbox refuses to run as root.
    const args = process.getuid?.() === 0 ? ['--no-sandbox', root] : [root]
    endWith(spawn(electron, args, { stdio: 'inherit', cwd: root }))
  } else {
    const child = spawn24([path.join(root, 'out', 'node', 'cli.mjs'), 'serve', ...process.argv.slice(2)], {
      stdio: ['inherit', 'pipe', 'inherit', 'ipc'],
    })
    child.stdout.once('data', (line) => {
      const { address } = JSON.parse(line)
      console.log(`Wheelhouse opens in the browser, since ${reason}: ${address}`)
    })
    endWith(child)
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
