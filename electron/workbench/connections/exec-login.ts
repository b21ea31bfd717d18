import { spawn } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'
import { Failure } from '../failure.ts'

/** The `exec` section of a kubeconfig user. Source: client-go/tools/clientcmd/api/v1 ExecConfig. */
export interface ExecConfig {
  command: string
  args?: string[] | null
  env?: { name: string; value: string }[] | null
  apiVersion?: string
  installHint?: string
  provideClusterInfo?: boolean
  interactiveMode?: 'Never' | 'IfAvailable' | 'Always'
}

export interface Credential {
  token?: string
  clientCertificateData?: string
  clientKeyData?: string
  expirationTimestamp?: string
}

export interface ExecLoginOptions {
  exec: ExecConfig
  /** What `provideClusterInfo` tells the plug-in: the Cluster of client.authentication.k8s.io. */
  cluster: object
  /** Folder of the kubeconfig, from which relative commands are meant. */
  folder: string
  /** Logins in a browser wait for a person. */
  patienceMs?: number
  /** How long a failure is believed: programs that open a browser must not do so with every retry of a table. */
  restMs?: number
}

/**
 * Credentials from a kubeconfig's exec plug-in. Whoever asks while the plug-in runs shares its answer, which is kept
 * until it expires or the server refuses it.
 */
export class ExecLogin {
  #options: ExecLoginOptions
  #held: Credential | undefined
  #running: Promise<Credential> | undefined
  #failed: { error: unknown; until: number } | undefined

  constructor(options: ExecLoginOptions) {
    this.#options = options
  }

  /** What is held now, expired or not. */
  get held(): Credential | undefined {
    return this.#held
  }

  async credential(): Promise<Credential> {
    if (this.#held && !expired(this.#held)) return this.#held
    if (this.#failed && Date.now() < this.#failed.until) throw this.#failed.error
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
    return await this.#running
  }

  /** A person asks: a login that failed is tried again. */
  retry(): void {
    this.#failed = undefined
  }

  /** The server refused this one. Another that came since stays. */
  forget(credential: Credential | undefined): void {
    if (this.#held === credential) this.#held = undefined
  }

  async #run(): Promise<Credential> {
    try {
      this.#held = await this.#login()
      this.#failed = undefined
      return this.#held
    } catch (error) {
      this.#failed = { error, until: Date.now() + (this.#options.restMs ?? 120_000) }
      throw error
    }
  }

  async #login(): Promise<Credential> {
    const { exec, cluster, folder, patienceMs = 180_000 } = this.#options
    if (exec.interactiveMode === 'Always')
      throw new Failure(
        'Login',
        `The login program ${exec.command} needs a terminal.`,
        'Log in with kubectl there; then connect again.',
      )
    const apiVersion = exec.apiVersion ?? 'client.authentication.k8s.io/v1'
    const spec = { interactive: false, ...(exec.provideClusterInfo ? { cluster } : {}) }
    const output = await run(exec.command, exec.args ?? [], {
      folder,
      patienceMs,
      hint: exec.installHint,
      env: {
        ...process.env,
        PATH: searchPath(),
        ...Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
        KUBERNETES_EXEC_INFO: JSON.stringify({ apiVersion, kind: 'ExecCredential', spec }),
      },
    })
    const status = credentialIn(output)
    if (!status?.token && !status?.clientCertificateData)
      throw new Failure(
        'Login',
        `The login program ${exec.command} gave no credential.`,
        'Run it by hand to see what it says.',
      )
    return status
  }
}

function credentialIn(output: string): Credential | undefined {
  try {
    return (JSON.parse(output) as { status?: Credential }).status
  } catch {
    return undefined
  }
}

const expired = ({ expirationTimestamp }: Credential): boolean =>
  expirationTimestamp !== undefined && Date.parse(expirationTimestamp) <= Date.now()

/** Programs started from a desktop get a short PATH: the folders where login programs usually lie are added. */
function searchPath(): string {
  const usual =
    process.platform === 'win32'
      ? []
      : ['/usr/local/bin', '/opt/homebrew/bin', path.join(os.homedir(), '.local', 'bin')]
  return [process.env['PATH'] ?? '', ...usual].filter(Boolean).join(path.delimiter)
}

interface RunOptions {
  folder: string
  patienceMs: number
  hint: string | undefined
  env: NodeJS.ProcessEnv
}

function run(command: string, args: readonly string[], { folder, patienceMs, hint, env }: RunOptions): Promise<string> {
  // As kubectl: a bare word is looked up in PATH, a path is meant from the kubeconfig's folder.
  const program = /[\\/]/.test(command) ? path.resolve(folder, command) : command
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: patienceMs,
      killSignal: 'SIGKILL',
      windowsHide: true,
    })
    let output = ''
    let complaint = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2000)))
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ENOENT'
          ? new Failure(
              'Login',
              `The login program ${command} is not installed.`,
              hint?.trim() || 'Install it, or correct the kubeconfig.',
            )
          : new Failure(
              'Login',
              `The login program ${command} cannot be run: ${error.message}.`,
              'Correct the kubeconfig.',
            ),
      ),
    )
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(output)
      const how =
        signal === 'SIGKILL'
          ? `did not finish in ${Math.round(patienceMs / 1000)} s`
          : `ended with ${signal ?? `code ${code}`}`
      const lastWords = complaint.trim().split('\n').at(-1)
      reject(
        new Failure(
          'Login',
          `The login program ${command} ${how}${lastWords ? `: ${lastWords}` : '.'}`,
          'Log in with it by hand, then connect again.',
        ),
      )
    })
  })
}
