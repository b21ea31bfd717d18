/** Failures of a connection in the words of Go's net and crypto/x509, which clients and people know them by. */
export function dialError(error: Error): string {
  const {
    code,
    syscall,
    address,
    port,
    hostname,
    host: asked,
    cert,
  } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
    hostname?: string
    host?: string
    cert?: { subjectaltname?: string }
  }
  if (code === undefined) return error.message
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = (cert?.subjectaltname ?? '').replaceAll(/(?:DNS|IP Address):/g, '')
    return `tls: failed to verify certificate: x509: certificate is valid for ${names}, not ${asked}`
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return 'http: server gave HTTP response to HTTPS client'
  if (syscall === 'getaddrinfo') return `dial tcp: lookup ${hostname}: no such host`
  const text = texts[code]
  if (text === undefined) return error.message
  if (certificate.has(code)) return `tls: failed to verify certificate: x509: ${text}`
  const host = address?.includes(':') ? `[${address}]` : address
  return address === undefined ? text : `dial tcp ${host}:${port}: ${code === 'ETIMEDOUT' ? '' : 'connect: '}${text}`
}

const texts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'read: connection reset by peer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate signed by unknown authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate signed by unknown authority',
  CERT_HAS_EXPIRED: 'certificate has expired or is not yet valid',
}
const certificate = new Set(Object.keys(texts).filter((code) => /CERT|LEAF/.test(code)))
