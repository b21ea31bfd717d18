import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { kubectl, type Kubectl } from './kubectl.ts'
import { leftovers } from './leftovers.ts'
import { wheelhouse, type Started } from './processes.ts'

export interface UpReady {
  event: 'ready'
  server: string
  kubeconfig: string
  pid: number
}

export interface TestCluster extends AsyncDisposable {
  process: Started<UpReady>
  kubectl: Kubectl
  kubeconfig: string
  pid: number
  server: string
  data: string
}

/** A folder that goes when it is disposed. */
export function temporaryFolder(): { path: string } & Disposable {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wheelhouse-test-'))
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

export interface UpOptions {
  env?: Record<string, string>
  /** Number of another user, who runs it. */
  user?: number
}

/** `wheelhouse up` on a data folder (default: one of its own, which goes with it). Disposal fails when anything is left on the machine. */
export async function up(
  args: readonly string[] = [],
  data?: string,
  { env = {}, user }: UpOptions = {},
): Promise<TestCluster> {
  const folder = data === undefined ? temporaryFolder() : undefined
  const directory = data ?? path.join(folder!.path, 'data')
  if (folder && user !== undefined) chownSync(folder.path, user, user)
  const home = user !== undefined && folder ? { HOME: folder.path } : {}
  const started = await wheelhouse<UpReady>(['up', '--data', directory, ...args], { ...home, ...env }, user)
  const { kubeconfig, pid, server } = started.ready
  return {
    process: started,
    kubectl: kubectl(kubeconfig),
    kubeconfig,
    pid,
    server,
    data: directory,
    async [Symbol.asyncDispose]() {
      await started[Symbol.asyncDispose]()
      const left = leftovers(directory)
      folder?.[Symbol.dispose]()
      if (left.length) throw new Error(`the cluster has left behind:\n${left.join('\n')}`)
    },
  }
}
