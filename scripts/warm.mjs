// Starts a bare cluster of the bundles once and stops it: what V8 made of its code is kept beside them, and the first
// start is as quick as any other. A machine where that fails has a slower start, and no other loss.
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { clusterNodeFlags, root, spawn24 } from './toolchain.mjs'

const data = mkdtempSync(path.join(os.tmpdir(), 'wheelhouse-build-'))
const child = spawn24(
  [...clusterNodeFlags, path.join(root, 'out', 'node', 'cli.mjs'), 'up', '--bare', '--data', data],
  {
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  },
)
const patience = setTimeout(() => child.kill('SIGKILL'), 30_000)
child.stdout.once('data', () => child.kill('SIGTERM'))
child.on('close', () => {
  clearTimeout(patience)
  rmSync(data, { recursive: true, force: true })
})
