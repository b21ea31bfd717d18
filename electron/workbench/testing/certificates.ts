import { createAuthority, issue } from '../../cluster/base/certificate.ts'

export interface Pem {
  cert: string
  key: string
}

/** An authority of its own, and what it signs. */
export function authority(commonName: string): Pem & { sign(commonName: string, address?: string): Pem } {
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 }
  const own = createAuthority({ commonName, ...validity })
  return {
    cert: own.certificate,
    key: own.key,
    sign(subject, address) {
      const names = address ? [address] : []
      const { certificate, key } = issue(
        own,
        { commonName },
        { commonName: subject, names, usage: 'both', ...validity },
      )
      return { cert: certificate, key }
    },
  }
}
