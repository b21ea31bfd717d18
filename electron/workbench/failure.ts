import type { ChannelError } from '#shared/ipc/channel.ts'
import { StatusError } from '#shared/kube/status.ts'

/** A failure that is told to a person: what went wrong, and the cure. */
export class Failure extends Error {
  readonly reason: string
  readonly code: number
  readonly cure: string | undefined

  constructor(reason: string, message: string, cure?: string, code = 0) {
    super(message)
    this.name = 'Failure'
    this.reason = reason
    this.code = code
    this.cure = cure
  }
}

export const cancelled = (): Failure => new Failure('Cancelled', 'no longer wanted')

const network: Record<string, (address: string) => [message: string, cure: string]> = {
  ECONNREFUSED: (at) => [
    `Nothing answers at ${at}.`,
    'Start the cluster, or check the server address in the kubeconfig.',
  ],
  ENOTFOUND: (at) => [
    `The name in ${at} is not known.`,
    'Check the server address, and the VPN if the cluster is behind one.',
  ],
  EAI_AGAIN: (at) => [`The name in ${at} could not be looked up.`, 'Check the network connection.'],
  ETIMEDOUT: (at) => [`${at} did not answer in time.`, 'Check the network, and the VPN if the cluster is behind one.'],
  ECONNRESET: (at) => [`${at} closed the connection.`, 'Try again; the server may be restarting.'],
  EHOSTUNREACH: (at) => [`There is no route to ${at}.`, 'Check the network, and the VPN if the cluster is behind one.'],
  ENETUNREACH: (at) => [`There is no route to ${at}.`, 'Check the network connection.'],
  CERT_HAS_EXPIRED: (at) => [`The certificate of ${at} has expired.`, 'Renew it, or fetch a new kubeconfig.'],
  DEPTH_ZERO_SELF_SIGNED_CERT: (at) => [
    `The certificate of ${at} is signed by nobody known.`,
    'Add certificate-authority-data to the cluster in the kubeconfig.',
  ],
  SELF_SIGNED_CERT_IN_CHAIN: (at) => [
    `The certificate of ${at} is signed by nobody known.`,
    'Add certificate-authority-data to the cluster in the kubeconfig.',
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: (at) => [
    `The certificate of ${at} is signed by another authority.`,
    'The cluster may have been reset: fetch its kubeconfig again.',
  ],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: (at) => [
    `The certificate of ${at} is signed by another authority.`,
    'Check certificate-authority-data of the cluster in the kubeconfig.',
  ],
  ERR_INVALID_URL: (at) => [
    `${at || 'The empty text'} is not an address.`,
    'Correct the server of the cluster in the kubeconfig.',
  ],
  EPIPE: (at) => [`${at} closed the connection.`, 'Try again; the server may be restarting.'],
  ERR_SSL_WRONG_VERSION_NUMBER: (at) => [
    `${at} does not speak TLS.`,
    'Check the server address: it may be http, or another program’s port.',
  ],
  EPROTO: (at) => [`${at} does not speak TLS as expected.`, 'Check the server address in the kubeconfig.'],
  HPE_INVALID_CONSTANT: (at) => [`${at} does not speak HTTP.`, 'Check the server address in the kubeconfig.'],
  ERR_TLS_CERT_ALTNAME_INVALID: (at) => [
    `The certificate of ${at} is made out to another name.`,
    'Set tls-server-name in the kubeconfig, or use the name in the certificate.',
  ],
}

/** The network failure behind an error, as people understand it; undefined when it is something else. */
export function unreachable(error: unknown, address: string): Failure | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (typeof code !== 'string') return undefined
  const tell = network[code]
  if (tell) {
    const [message, cure] = tell(address)
    return new Failure('Unreachable', message, cure)
  }
  // Alerts of the handshake, and whatever else OpenSSL finds wrong.
  if (/^(ERR_SSL_|ERR_TLS_|CERT_|ERR_OSSL_)/.test(code))
    return new Failure(
      'Unreachable',
      `${address} and Wheelhouse do not trust each other (${code}).`,
      'Check the certificates in the kubeconfig, or fetch a new one.',
    )
  return undefined
}

/** Any error as the channel carries it. */
export function toChannelError(error: unknown): ChannelError {
  if (error instanceof StatusError) {
    const causes = error.status.details?.causes?.map((cause) => ({
      message: cause.message ?? '',
      ...(cause.field === undefined ? {} : { field: cause.field }),
      ...(cause.reason === undefined ? {} : { reason: cause.reason }),
    }))
    const cure = cureOf(error)
    return {
      code: error.code,
      reason: error.reason,
      message: error.message,
      ...(causes ? { causes } : {}),
      ...(cure ? { cure } : {}),
    }
  }
  if (error instanceof Failure)
    return {
      code: error.code,
      reason: error.reason,
      message: error.message,
      ...(error.cure ? { cure: error.cure } : {}),
    }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 0, reason: 'Internal', message }
}

function cureOf(error: StatusError): string | undefined {
  if (error.status.details?.causes?.some(({ reason }) => reason === 'FieldManagerConflict'))
    return 'Leave these fields out, or overwrite what the other writer set.'
  if (error.reason === 'Conflict') return 'It changed in the meantime: reload it, then make the change again.'
  if (error.code === 401) return 'Log in again, or fetch a new kubeconfig.'
  if (error.code === 403)
    return 'Ask the cluster’s administrator for this right, or choose a namespace where you have it.'
  return undefined
}
