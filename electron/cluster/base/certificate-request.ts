import { createPublicKey, verify } from 'node:crypto'
import { isIP } from 'node:net'
import { DerError, elementsOf, firstOf, type DerElement } from './der-reader.ts'

/** What a PKCS#10 request asks for. */
export interface CertificateRequest {
  readonly commonName: string
  /** The organizations (groups, to Kubernetes) of its subject. */
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly emailAddresses: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly uris: readonly string[]
  /** DER of the subject, of the public key, and of the value of the alternative names' extension. */
  readonly subject: Buffer
  readonly publicKey: Buffer
  readonly alternativeNames: Buffer | undefined
  /** Whether its sender holds the key. */
  isSigned(): boolean
}

export class CertificateRequestError extends Error {}

const pem = /-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/
const oid = (...bytes: number[]) => Buffer.from(bytes).toString('hex')
const commonName = oid(0x55, 0x04, 0x03)
const organizationName = oid(0x55, 0x04, 0x0a)
const alternativeName = oid(0x55, 0x1d, 0x11)
const extensionRequest = oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e)
const sequenceTag = 0x30

/** Reads spec.request: base64 of PEM of DER. Throws CertificateRequestError in the words of Go's library. */
export function parseCertificateRequest(base64: string): CertificateRequest {
  const match = pem.exec(Buffer.from(base64, 'base64').toString('latin1'))
  if (match?.[1] !== 'CERTIFICATE REQUEST')
    throw new CertificateRequestError('PEM block type must be CERTIFICATE REQUEST')
  try {
    return read(Buffer.from(match[2]!, 'base64'))
  } catch (error) {
    if (error instanceof DerError) throw new CertificateRequestError(error.message)
    throw error
  }
}

function read(der: Buffer): CertificateRequest {
  const [info, algorithm, signature] = elementsOf(firstOf(der).content)
  const [version, subject, key, attributes] = elementsOf(info?.content ?? Buffer.alloc(0))
  if (version?.tag !== 0x02 || subject?.tag !== sequenceTag || key?.tag !== sequenceTag)
    throw new DerError("asn1: structure error: tags don't match")
  const named = pairsOf(elementsOf(subject.content).flatMap(({ content }) => elementsOf(content)))
  const valuesOf = (type: string) =>
    named.filter(([name]) => name === type).map(([, value]) => value.content.toString())
  const names = extensionsOf(attributes).find(([name]) => name === alternativeName)?.[1].content
  const alternatives = names ? elementsOf(firstOf(names).content) : []
  const texts = (number: number) =>
    alternatives.filter(({ tag }) => tag === (0x80 | number)).map(({ content }) => content.toString('latin1'))
  return {
    commonName: valuesOf(commonName).at(-1) ?? '',
    organizations: valuesOf(organizationName),
    emailAddresses: texts(1),
    dnsNames: texts(2),
    uris: texts(6),
    ipAddresses: alternatives.filter(({ tag }) => tag === 0x87).map(({ content }) => addressOf(content)),
    subject: subject.whole,
    publicKey: key.whole,
    alternativeNames: names,
    isSigned: () => isSigned(info!, key.whole, algorithm, signature),
  }
}

/** Type and value of each, the type in hexadecimal; the last element is the value. */
const pairsOf = (elements: readonly DerElement[]): [string, DerElement][] =>
  elements.flatMap(({ content }): [string, DerElement][] => {
    const parts = elementsOf(content)
    const [type, value] = [parts[0], parts.at(-1)]
    return type && value && parts.length > 1 ? [[type.content.toString('hex'), value]] : []
  })

function extensionsOf(attributes: DerElement | undefined): [string, DerElement][] {
  const asked = pairsOf(elementsOf(attributes?.content ?? Buffer.alloc(0))).find(([name]) => name === extensionRequest)
  return asked ? pairsOf(elementsOf(firstOf(asked[1].content).content)) : []
}

function addressOf(bytes: Buffer): string {
  const text =
    bytes.length === 4
      ? [...bytes].join('.')
      : bytes.length === 16
        ? Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':')
        : ''
  if (!isIP(text)) throw new DerError(`x509: cannot parse IP address of length ${bytes.length}`)
  return text
}

/** Hashes of the signature algorithms that are in use; null where the algorithm brings its own. */
const hashes: Readonly<Record<string, string | null>> = {
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2b6570': null,
}

function isSigned(
  info: DerElement,
  key: Buffer,
  algorithm: DerElement | undefined,
  signature: DerElement | undefined,
): boolean {
  const type = algorithm && elementsOf(algorithm.content)[0]?.content.toString('hex')
  const hash = type === undefined ? undefined : hashes[type]
  if (hash === undefined || !signature) return false
  try {
    const publicKey = createPublicKey({ key, format: 'der', type: 'spki' })
    // The first byte counts unused bits: none.
    return verify(hash, info.whole, publicKey, signature.content.subarray(1))
  } catch {
    return false
  }
}
