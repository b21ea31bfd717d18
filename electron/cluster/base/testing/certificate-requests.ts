import { generateKeyPairSync, sign } from 'node:crypto'
import { bits, context, integer, objectIdentifier, octets, sequence, set, utf8 } from '../der.ts'

export interface Wanted {
  commonName: string
  organizations?: readonly string[]
  dnsNames?: readonly string[]
  /** IPv4. */
  addresses?: readonly string[]
  /** Signed with another key than its own. */
  forged?: boolean
}

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** A PKCS#10 request as spec.request holds it, and the private key that it is for (PEM). */
export function certificateRequest({ commonName, organizations = [], dnsNames = [], addresses = [], forged }: Wanted): {
  request: string
  key: string
} {
  const { publicKey, privateKey } = newKey()
  const attribute = (type: string, value: string) => set(sequence(objectIdentifier(type), utf8(value)))
  const names = [
    ...dnsNames.map((name) => context(2, Buffer.from(name), false)),
    ...addresses.map((address) => context(7, Buffer.from(address.split('.').map(Number)), false)),
  ]
  const extensions = sequence(
    objectIdentifier('1.2.840.113549.1.9.14'),
    set(sequence(sequence(objectIdentifier('2.5.29.17'), octets(sequence(...names))))),
  )
  const info = sequence(
    integer(Buffer.from([0])),
    sequence(...organizations.map((name) => attribute('2.5.4.10', name)), attribute('2.5.4.3', commonName)),
    publicKey.export({ type: 'spki', format: 'der' }),
    names.length ? context(0, extensions) : context(0, Buffer.alloc(0)),
  )
  const signature = sign('sha256', info, forged ? newKey().privateKey : privateKey)
  const der = sequence(info, sequence(objectIdentifier('1.2.840.10045.4.3.2')), bits(signature))
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
  return {
    request: Buffer.from(pem).toString('base64'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
