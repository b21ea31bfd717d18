import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { CertificateRequestError, parseCertificateRequest } from '../../base/certificate-request.ts'
import {
  certify,
  createAuthority,
  issue,
  newKey,
  selfSign,
  type CertificateRequest,
  type KeyPair,
} from '../../base/certificate.ts'
import type { KeyFiles } from './key-files.ts'
import { usageExtensions } from './key-usages.ts'

const day = 24 * 3600 * 1000
const authorityLife = 10 * 365 * day
const leafLife = 365 * day
const renewBefore = 30 * day
const shortestLife = 10 * 60_000

interface Authority {
  /** Its files, without their ending. */
  file: string
  commonName: string
}
const authorityName: Authority = { file: 'ca', commonName: 'wheelhouse-ca' }
const frontProxyName: Authority = { file: 'front-proxy-ca', commonName: 'wheelhouse-front-proxy-ca' }
export const frontProxyUser = 'front-proxy-client'

export interface Identity {
  /** The common name becomes the user name, the organizations its groups. */
  user: string
  groups?: readonly string[]
}

export const adminIdentity: Identity = { user: 'kubernetes-admin', groups: ['system:masters'] }
export const controllerManagerIdentity: Identity = { user: 'system:kube-controller-manager' }
export const schedulerIdentity: Identity = { user: 'system:kube-scheduler' }
export const nodeIdentity = (node: string): Identity => ({ user: `system:node:${node}`, groups: ['system:nodes'] })
/** Name of the files that `clientFor` keeps, without .crt and .key. */
export const clientFileName = ({ user }: Identity): string => `client-${fileName(user)}`

const kubeletClientIdentity: Identity = { user: 'kube-apiserver-kubelet-client', groups: ['system:masters'] }

/** All keys of one cluster. Pairs are made on first use and kept. */
export interface Pki {
  /** The authority's certificate, PEM: what clients trust. */
  readonly authority: string
  /** What the API server shows. */
  readonly serving: KeyPair
  /** What the API server shows to kubelets. */
  readonly kubeletClient: KeyPair
  /** Signs service-account tokens: PEM, P-256. */
  readonly tokenKey: string
  /** A client certificate that makes its bearer that user. */
  clientFor(identity: Identity): KeyPair
  /** What a node's kubelet serves with, under its name and addresses. */
  nodeServing(node: string, addresses: readonly string[]): KeyPair
  /** What the ingress controller shows for hosts without a certificate of their own: it vouches for itself only. */
  ingressDefault(): KeyPair
  /**
   * Signs what a CertificateSigningRequest asks for; PEM. `request` as in its spec, `seconds` at most a year.
   * Throws CertificateRequestError.
   */
  signRequest(request: string, usages: readonly string[], seconds?: number): string
  /** The authority of those who speak for others to extension API servers, PEM, and this server's own certificate of it. */
  readonly frontProxy: { readonly authority: string; readonly client: KeyPair }
}

export interface PkiOptions {
  files: KeyFiles
  clock: Pick<Clock, 'now'>
  /** Names and addresses of the API server besides those that every cluster has. */
  names?: readonly string[]
  /** The `kubernetes` service's address. */
  serviceAddress?: string
  clusterDomain?: string
}

/** Opens the keys of a cluster, making what is missing and reissuing what is near its end. */
export function openPki({
  files,
  clock,
  names = [],
  serviceAddress = '10.96.0.1',
  clusterDomain = 'cluster.local',
}: PkiOptions): Pki {
  const authority = openAuthority(files, clock, authorityName)
  const root = new X509Certificate(authority.certificate)
  const frontProxy = openAuthority(files, clock, frontProxyName)
  const pair = (
    file: string,
    request: Omit<CertificateRequest, 'notBefore' | 'notAfter'>,
    by: KeyPair = authority,
  ): KeyPair => {
    const issuer = new X509Certificate(by.certificate)
    const kept = { certificate: files.read(`${file}.crt`), key: files.read(`${file}.key`) }
    if (kept.certificate && kept.key && serves(kept as KeyPair, issuer, request, clock.now())) return kept as KeyPair
    const name = by === authority ? authorityName : frontProxyName
    const made = issue(by, name, { ...request, ...validity(clock, leafLife, issuer) })
    files.write(`${file}.crt`, made.certificate)
    files.write(`${file}.key`, made.key)
    return made
  }
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${clusterDomain}`,
  ]
  const serverNames = [...new Set(['localhost', ...service, '127.0.0.1', '::1', serviceAddress, ...names])]
  const client = (file: string, { user, groups }: Identity) =>
    pair(file, { commonName: user, organizations: groups ?? [], usage: 'client' })
  return {
    authority: authority.certificate,
    serving: pair('apiserver', { commonName: 'kube-apiserver', names: serverNames, usage: 'server' }),
    kubeletClient: client('apiserver-kubelet-client', kubeletClientIdentity),
    tokenKey: openTokenKey(files),
    clientFor: (identity) => client(clientFileName(identity), identity),
    nodeServing: (node, addresses) =>
      pair(`node-${fileName(node)}`, {
        commonName: `system:node:${node}`,
        organizations: ['system:nodes'],
        names: [...new Set([node, ...addresses])],
        usage: 'server',
      }),
    ingressDefault: () => openIngressDefault(files, clock),
    signRequest(base64, usages, seconds = leafLife / 1000) {
      const { subject, publicKey, alternativeNames, isSigned } = parseCertificateRequest(base64)
      if (!isSigned()) throw new CertificateRequestError('unable to verify certificate request signature')
      const life = Math.min(Math.max(seconds * 1000, shortestLife), leafLife)
      const asked = { subject, publicKey, alternativeNames, usages: usageExtensions(usages) }
      return certify(authority, authorityName, { ...asked, ...requestedValidity(clock, life, root) })
    },
    frontProxy: {
      authority: frontProxy.certificate,
      client: pair('front-proxy-client', { commonName: frontProxyUser, usage: 'client' }, frontProxy),
    },
  }
}

function openAuthority(files: KeyFiles, clock: Pick<Clock, 'now'>, { file, commonName }: Authority): KeyPair {
  const certificate = files.read(`${file}.crt`)
  const key = files.read(`${file}.key`)
  if (certificate && key) {
    if (!matches(certificate, key)) throw damaged(files, `${file}.crt or ${file}.key`)
    const { validFrom } = new X509Certificate(certificate)
    if (Date.parse(validFrom) > clock.now()) throw fromTheFuture(files, `${file}.crt`, validFrom)
    if (Date.parse(new X509Certificate(certificate).validTo) - clock.now() > renewBefore) return { certificate, key }
  } else if (certificate || key) throw damaged(files, key ? `${file}.crt` : `${file}.key`)
  const made = createAuthority({ commonName, ...validity(clock, authorityLife) })
  files.write(`${file}.key`, made.key)
  files.write(`${file}.crt`, made.certificate)
  return made
}

function openIngressDefault(files: KeyFiles, clock: Pick<Clock, 'now'>): KeyPair {
  const kept = { certificate: files.read('ingress.crt') ?? '', key: files.read('ingress.key') ?? '' }
  if (matches(kept.certificate, kept.key)) {
    const { validFrom, validTo } = new X509Certificate(kept.certificate)
    if (Date.parse(validFrom) <= clock.now() && Date.parse(validTo) - clock.now() > renewBefore) return kept
  }
  const names = ['localhost', '*.localhost']
  const made = selfSign({ commonName: 'wheelhouse-ingress', names, usage: 'server', ...validity(clock, leafLife) })
  files.write('ingress.key', made.key)
  files.write('ingress.crt', made.certificate)
  return made
}

function openTokenKey(files: KeyFiles): string {
  const kept = files.read('sa.key')
  if (kept !== undefined) {
    try {
      createPrivateKey(kept)
      return kept
    } catch {
      throw damaged(files, 'sa.key')
    }
  }
  const made = newKey()
  files.write('sa.key', made)
  return made
}

const damaged = (files: KeyFiles, name: string): Error =>
  new Error(
    `The cluster's keys are damaged: ${name} in ${files.place} is missing or unreadable. ` +
      `Restore it, or delete ${files.place} to have new keys made; objects are kept, kubeconfigs and tokens made before stop working.`,
  )

/** No client would trust it. Replacing it would cut off every client for a clock that is set right in a minute. */
const fromTheFuture = (files: KeyFiles, name: string, validFrom: string): Error =>
  new Error(
    `The cluster's authority ${name} in ${files.place} is valid from ${validFrom} on, which the clock of this machine has not reached. ` +
      `Set the clock, or delete ${files.place} to have new keys made; objects are kept, kubeconfigs and tokens made before stop working.`,
  )

/** Begins a little in the past, for clocks that differ; never outlives the issuer. */
function validity(
  clock: Pick<Clock, 'now'>,
  life: number,
  issuer?: X509Certificate,
): { notBefore: number; notAfter: number } {
  const end = clock.now() + life
  return { notBefore: clock.now() - 5 * 60_000, notAfter: issuer ? Math.min(end, Date.parse(issuer.validTo)) : end }
}

/** Source: pkg/controller/certificates/signer: short lives are counted from the backdated beginning. */
function requestedValidity(clock: Pick<Clock, 'now'>, life: number, issuer: X509Certificate) {
  const backdate = 5 * 60_000
  const end = clock.now() + life - (life < 8 * 3600_000 ? 0 : backdate)
  return { notBefore: clock.now() - backdate, notAfter: Math.min(end, Date.parse(issuer.validTo)) }
}

function matches(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

/** Whether a kept pair still does for what is asked: same authority, same names, far from its end. */
function serves(
  pair: KeyPair,
  root: X509Certificate,
  request: Omit<CertificateRequest, 'notBefore' | 'notAfter'>,
  now: number,
): boolean {
  if (!matches(pair.certificate, pair.key)) return false
  const leaf = new X509Certificate(pair.certificate)
  if (Date.parse(leaf.validFrom) > now) return false
  if (!leaf.verify(root.publicKey) || Date.parse(leaf.validTo) - now < Math.min(renewBefore, leafLife / 2)) return false
  const subject = subjectOf(leaf)
  const sameSubject =
    subject.user === request.commonName && subject.groups.join() === (request.organizations ?? []).join()
  return sameSubject && (request.names ?? []).every((name) => (isIP(name) ? leaf.checkIP(name) : leaf.checkHost(name)))
}

/** User and groups of a client certificate. */
export function subjectOf(certificate: X509Certificate): { user: string; groups: string[] } {
  const lines = certificate.subject.split('\n')
  const values = (attribute: string) =>
    lines.filter((line) => line.startsWith(`${attribute}=`)).map((line) => line.slice(attribute.length + 1))
  return { user: values('CN')[0] ?? '', groups: values('O') }
}

/** The public half of a private key in PEM. */
export const publicKeyOf = (privatePem: string): string =>
  createPublicKey(privatePem).export({ type: 'spki', format: 'pem' }).toString()

const fileName = (text: string): string => text.replace(/[^A-Za-z0-9.-]/g, '_')
