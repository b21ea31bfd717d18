import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { secretBytes } from './random.ts'
import { bits, boolean, context, integer, objectIdentifier, octets, sequence, set, time, utf8 } from './der.ts'

/** A certificate with its private key, both in PEM. */
export interface KeyPair {
  certificate: string
  key: string
}

export interface CertificateRequest {
  commonName: string
  organizations?: readonly string[]
  /** DNS names and IP addresses. */
  names?: readonly string[]
  usage: 'authority' | 'server' | 'client' | 'both'
  /** Milliseconds since the epoch. */
  notBefore: number
  notAfter: number
}

const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
const serverAuthentication = objectIdentifier('1.3.6.1.5.5.7.3.1')
const clientAuthentication = objectIdentifier('1.3.6.1.5.5.7.3.2')

/** A new P-256 key in PKCS #8 PEM. */
export function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
}

/** A certificate that vouches for itself. */
export function selfSign(request: CertificateRequest): KeyPair {
  const key = newKey()
  const publicKey = createPublicKey(key)
  return { certificate: encode(request, nameOf(request), publicKey, createPrivateKey(key), publicKey), key }
}

/** A self-signed certificate authority. */
export const createAuthority = (request: Omit<CertificateRequest, 'usage'>): KeyPair =>
  selfSign({ ...request, usage: 'authority' })

/** A certificate for a new key, signed by the authority. */
export function issue(authority: KeyPair, issuer: { commonName: string }, request: CertificateRequest): KeyPair {
  const key = newKey()
  const signer = createPrivateKey(authority.key)
  const certificate = encode(request, nameOf(issuer), createPublicKey(key), signer, createPublicKey(authority.key))
  return { certificate, key }
}

/** Organizations come before the common name, each in a set of its own, as Go writes them. */
function nameOf({ commonName, organizations = [] }: { commonName: string; organizations?: readonly string[] }): Buffer {
  const attribute = (type: string, value: string) => sequence(objectIdentifier(type), utf8(value))
  return sequence(
    ...(organizations.length ? [set(...organizations.map((name) => attribute('2.5.4.10', name)))] : []),
    set(attribute('2.5.4.3', commonName)),
  )
}

function encode(
  request: CertificateRequest,
  issuer: Buffer,
  subjectKey: KeyObject,
  signer: KeyObject,
  issuerKey: KeyObject,
): string {
  const { notBefore, notAfter } = request
  const publicKey = subjectKey.export({ type: 'spki', format: 'der' })
  const contents = { subject: nameOf(request), publicKey, extensions: extensions(request, subjectKey, issuerKey) }
  return signed({ ...contents, issuer, notBefore, notAfter }, signer)
}

interface Contents {
  /** DER, as all else that is bytes here. */
  subject: Buffer
  issuer: Buffer
  publicKey: Buffer
  extensions: readonly Buffer[]
  notBefore: number
  notAfter: number
}

function signed({ subject, issuer, publicKey, extensions, notBefore, notAfter }: Contents, signer: KeyObject): string {
  const serial = secretBytes(16)
  serial[0]! &= 0x7f
  const body = sequence(
    context(0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaWithSha256,
    issuer,
    sequence(time(notBefore), time(notAfter)),
    subject,
    publicKey,
    context(3, sequence(...extensions)),
  )
  return toPem(sequence(body, ecdsaWithSha256, bits(sign('sha256', body, signer))))
}

export interface RequestedCertificate {
  /** DER of the request's subject and public key, and of its alternative names where it asks for any. */
  subject: Buffer
  publicKey: Buffer
  alternativeNames: Buffer | undefined
  /** DER of the extensions that say what it may be used for. */
  usages: readonly Buffer[]
  notBefore: number
  notAfter: number
}

/** A certificate for somebody else's key, PEM. */
export function certify(authority: KeyPair, issuer: { commonName: string }, asked: RequestedCertificate): string {
  const { alternativeNames: names, usages, ...rest } = asked
  const extensions = [
    ...usages,
    extension('2.5.29.19', sequence(), true),
    extension('2.5.29.35', sequence(context(0, keyIdentifier(createPublicKey(authority.key)), false))),
    ...(names ? [extension('2.5.29.17', names)] : []),
  ]
  return signed({ ...rest, issuer: nameOf(issuer), extensions }, createPrivateKey(authority.key))
}

/** `value` is the DER inside the extension. */
export const extension = (type: string, value: Buffer, critical = false): Buffer =>
  sequence(objectIdentifier(type), ...(critical ? [boolean(true)] : []), octets(value))

function extensions(request: CertificateRequest, subjectKey: KeyObject, issuerKey: KeyObject): Buffer[] {
  const authority = request.usage === 'authority'
  // digitalSignature, keyEncipherment and, for authorities, keyCertSign
  const usage = extension('2.5.29.15', authority ? bits(Buffer.from([0xa4]), 2) : bits(Buffer.from([0xa0]), 5), true)
  const extended = [
    ...(request.usage === 'client' ? [] : [serverAuthentication]),
    ...(request.usage === 'server' ? [] : [clientAuthentication]),
  ]
  return [
    usage,
    ...(authority ? [] : [extension('2.5.29.37', sequence(...extended))]),
    extension('2.5.29.19', authority ? sequence(boolean(true)) : sequence(), true),
    extension('2.5.29.14', octets(keyIdentifier(subjectKey))),
    extension('2.5.29.35', sequence(context(0, keyIdentifier(issuerKey), false))),
    ...(request.names?.length ? [extension('2.5.29.17', sequence(...request.names.map(alternativeName)))] : []),
  ]
}

const keyIdentifier = (key: KeyObject): Buffer =>
  createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }).subarray(-65))
    .digest()

function alternativeName(name: string): Buffer {
  return isIP(name) ? context(7, addressBytes(name), false) : context(2, Buffer.from(name), false)
}

export function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text ? text.split(':').map((group) => Number.parseInt(group, 16)) : [])
  const front = groups(head)
  const back = tail === undefined ? [] : groups(tail)
  const all = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

const toPem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${der
    .toString('base64')
    .replace(/.{64}/g, '$&\n')
    .trimEnd()}\n-----END CERTIFICATE-----\n`
