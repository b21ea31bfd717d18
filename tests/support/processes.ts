import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { clusterNodeFlags } from '../../electron/cluster/options.ts'

export const root = path.resolve(import.meta.dirname, '..', '..')

export interface Started<Ready> extends AsyncDisposable {
  ready: Ready
  child: ChildProcess
  /** Everything on stdout and stderr so far. */
  output(): { stdout: string; stderr: string }
  /** Resolves with the exit code once the process has ended. */
  exited: Promise<number>
}

/**
 * Runs `wheelhouse ARGS` from the bundle, and resolves with its one JSON line. Rejects with stderr when it ends before.
 * `user`: number of another user, for whom the suite must be root.
 */
export function wheelhouse<Ready>(
  args: readonly string[],
  env: Record<string, string> = {},
  user?: number,
): Promise<Started<Ready>> {
  const flags = args[0] === 'up' ? clusterNodeFlags : []
  const child = spawn(process.execPath, [...flags, path.join(root, 'out', 'node', 'cli.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...env },
    ...(user === undefined ? {} : { uid: user, gid: user }),
  })
  let stdout = ''
  let stderr = ''
  const exited = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)))
  child.stderr!.on('data', (chunk) => (stderr += chunk))
  return new Promise((resolve, reject) => {
    child.stdout!.on('data', (chunk) => {
      stdout += chunk
      const end = stdout.indexOf('\n')
      if (end < 0) return
      resolve({
        ready: JSON.parse(stdout.slice(0, end)) as Ready,
        child,
        output: () => ({ stdout, stderr }),
        exited,
        async [Symbol.asyncDispose]() {
          if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
          const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
          await exited
          clearTimeout(timer)
        },
      })
    })
    void exited.then((code) => reject(new Error(`wheelhouse ${args.join(' ')} ended with ${code}: ${stderr}`)))
  })
}

/** Everything that a process writes from now on, stdout and stderr. */
export function saidBy(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk))
  return () => text
}

/** Ids of all processes below `pid`, itself not included. Linux. */
export function descendants(pid: number): number[] {
  const parents = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      parents.set(parent, [...(parents.get(parent) ?? []), Number(name)])
    } catch {
      // It ended meanwhile.
    }
  }
  const found: number[] = []
  const visit = (id: number) => {
    for (const child of parents.get(id) ?? []) {
      found.push(child)
      visit(child)
    }
  }
  visit(pid)
  return found
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
