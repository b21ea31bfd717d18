// The launcher of the headless hosts: installs and builds what is missing, then runs the command line with Node 24.
// Ends when its child ends; the child ends when this process, or the npm that started it, is gone.
import path from 'node:path'
import { build } from './build.mjs'
import { clusterNodeFlags, installMissing, root, spawn24, whenNpmDies } from './toolchain.mjs'

export function launch(args) {
  const flags = args[0] === 'up' ? clusterNodeFlags : []
  const child = spawn24([...flags, path.join(root, 'out', 'node', 'cli.mjs'), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    cwd: process.env.INIT_CWD ?? process.cwd(),
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill('SIGTERM'))
  whenNpmDies(() => child.kill('SIGTERM'))
  return new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0))))
}

const args = process.argv.slice(2)
try {
  installMissing()
  const needsUi = args[0] === 'serve'
  if (!args.includes('--help')) build(needsUi ? undefined : ['descriptions', 'node', 'images'])
  else build(['node'])
  process.exitCode = await launch(args)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
