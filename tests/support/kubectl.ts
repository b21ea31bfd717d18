import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { openTerminal, type Terminal } from './terminal.ts'

export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

/** What a cluster must get along with: SPDY only and OpenAPI v2, WebSockets first, protobuf bodies. */
const versions = ['1.27', '1.30', '1.33']

/** The promised versions that stand beside the kubectl on PATH as `kubectl.1.27`, oldest first; that one itself when none does. */
export function kubectls(): Record<string, string> {
  const onPath = whichKubectl()
  const folder = path.dirname(realpathSync(onPath))
  const found = versions
    .map((version) => [version, path.join(folder, `kubectl.${version}`)] as const)
    .filter(([, file]) => existsSync(file))
  return Object.fromEntries(found.length ? found : [['of this machine', onPath]])
}

function whichKubectl(): string {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'kubectl')
    if (existsSync(file)) return file
  }
  throw new Error('kubectl is not on PATH: on Debian, apt-get install kubernetes-client')
}

export interface Kubectl {
  (...args: string[]): Promise<string>
  /** Never rejects. `stdin` is written and closed. */
  run(args: readonly string[], stdin?: string | Buffer): Promise<Outcome>
  json<T>(...args: string[]): Promise<T>
  /** Runs on until it is disposed. */
  start(...args: string[]): ChildProcess
  /** The same at a terminal; the caller ends it. */
  terminal(args: readonly string[], size?: { columns: number; rows: number }): Terminal
  readonly version: string
}

/** A kubectl for one cluster. Calls reject with stderr unless they succeed. */
export function kubectl(kubeconfig: string, binary = whichKubectl()): Kubectl {
  const own = { KUBECONFIG: kubeconfig, KUBECACHEDIR: path.join(path.dirname(kubeconfig), 'kubectl-cache') }
  const env = { ...process.env, ...own }
  const run = (args: readonly string[], stdin?: string | Buffer): Promise<Outcome> =>
    new Promise((resolve) => {
      const child = execFile(
        binary,
        args,
        { env, maxBuffer: 256 * 1024 * 1024, timeout: 55_000 },
        (error, stdout, stderr) =>
          resolve({ code: error ? (typeof error.code === 'number' ? error.code : -1) : 0, stdout, stderr }),
      )
      child.stdin?.on('error', () => {})
      child.stdin?.end(stdin)
    })
  const call = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(args)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr || stdout}`)
    return stdout
  }
  return Object.assign(call, {
    run,
    json: async <T>(...args: string[]): Promise<T> => JSON.parse(await call(...args, '-o', 'json')) as T,
    start: (...args: string[]) => spawn(binary, args, { env, stdio: ['pipe', 'pipe', 'pipe'] }),
    terminal: (args: readonly string[], size?: { columns: number; rows: number }) =>
      openTerminal(binary, args, own, size),
    version: (
      JSON.parse(execFileSync(binary, ['version', '--client', '-o', 'json'], { encoding: 'utf8' })) as {
        clientVersion: { gitVersion: string }
      }
    ).clientVersion.gitVersion,
  })
}
