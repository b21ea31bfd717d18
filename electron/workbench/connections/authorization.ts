import http from 'node:http'
import type { RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { Failure } from '../failure.ts'
import type { Credential } from './exec-login.ts'
import { toKubeConfig, type Access } from './kubeconfigs.ts'

/** What makes a request ours: certificates, tokens, proxies. Whoever logs in shares the login with all who wait for one. */
export class Authorization {
  #access: Access
  #config: KubeConfig
  #certificate: string | undefined

  constructor(access: Access) {
    this.#access = access
    this.#config = toKubeConfig(access)
  }

  /** Options for a request, and the credential in them, if a plug-in gave one. Throws Failure. */
  async options(): Promise<{ options: RequestOptions; credential: Credential | undefined }> {
    const { cluster, headers, login } = this.#access
    if (!cluster)
      throw new Failure(
        'BadKubeconfig',
        'The context names a cluster that the kubeconfig does not have.',
        'Correct the kubeconfig, or choose another context.',
      )
    const credential = await login?.credential()
    // The library keeps agents, and with them the certificate that they began with.
    if (credential?.clientCertificateData !== this.#certificate) this.renew()
    this.#certificate = credential?.clientCertificateData
    const options: RequestOptions = {
      headers: { ...headers },
      ...(credential?.clientCertificateData ? { cert: credential.clientCertificateData } : {}),
      ...(credential?.clientKeyData ? { key: credential.clientKeyData } : {}),
    }
    await this.#apply(options)
    if (credential?.token) addHeaders(options, { Authorization: `Bearer ${credential.token}` })
    keepConnections(options.agent)
    return { options, credential }
  }

  /** Whether logging in anew may help where the server refused this credential. */
  forget(credential: Credential | undefined): boolean {
    this.#access.login?.forget(credential)
    return this.#access.login !== undefined
  }

  /** A person asks: a login that failed is tried again. */
  retry(): void {
    this.#access.login?.retry()
  }

  /** Reads certificates anew, for new connections. */
  renew(): void {
    this.#config = toKubeConfig(this.#access)
  }

  async #apply(options: RequestOptions): Promise<void> {
    try {
      await this.#config.applyToHTTPSOptions(options)
    } catch (error) {
      const { code, path, message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'EACCES')
        throw new Failure(
          'BadKubeconfig',
          `The kubeconfig names ${path}, which cannot be read.`,
          'Correct the kubeconfig, or fetch a new one.',
        )
      throw new Failure(
        'Login',
        `Logging in to ${this.#access.cluster?.server} failed: ${message}`,
        'Run the login command of the cluster, then connect again.',
      )
    }
  }
}

export function addHeaders(options: RequestOptions, headers: http.OutgoingHttpHeaders): void {
  options.headers = { ...(options.headers as http.OutgoingHttpHeaders), ...headers }
}

/** A new connection, and its handshake, per page of a list would be slow. Idle ones are closed before they go stale. */
function keepConnections(agent: RequestOptions['agent']): void {
  if (!(agent instanceof http.Agent)) return
  Object.assign(agent, { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 8 })
  Object.assign((agent as http.Agent & { options: object }).options, { timeout: 30_000 })
}
