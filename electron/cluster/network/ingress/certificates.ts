import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Secret } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'

/** A Secret as TLS can use it. */
export interface Certificate {
  /** Undefined: the default certificate stands in for it. */
  readonly context: SecureContext | undefined
  /** What is wrong, for people. */
  readonly problem: string | undefined
}

const unusable = (problem: string): Certificate => ({ context: undefined, problem })

/** The certificate in a Secret, for these hosts. `now` in milliseconds since the epoch. */
export function certificateOf(
  key: string,
  secret: Frozen<Secret> | undefined,
  hosts: readonly string[],
  now: number,
): Certificate {
  const instead = 'the default certificate is shown instead.'
  if (!secret) return unusable(`Secret ${key} does not exist: ${instead}`)
  if (secret.type !== 'kubernetes.io/tls')
    return unusable(`Secret ${key} is of type ${secret.type}, not kubernetes.io/tls: ${instead}`)
  const text = (name: string) => Buffer.from(secret.data?.[name] ?? '', 'base64').toString()
  const [cert, privateKey] = [text('tls.crt'), text('tls.key')]
  try {
    const leaf = new X509Certificate(cert)
    if (!leaf.checkPrivateKey(createPrivateKey(privateKey)))
      return unusable(`The key in Secret ${key} is not that of its certificate: ${instead}`)
    const context = createSecureContext({ cert, key: privateKey })
    return { context, problem: flawOf(key, leaf, hosts, now) }
  } catch (error) {
    return unusable(`Secret ${key} holds no certificate with its key (${(error as Error).message}): ${instead}`)
  }
}

/** What clients will object to, although it can be shown. */
function flawOf(key: string, leaf: X509Certificate, hosts: readonly string[], now: number): string | undefined {
  if (now > Date.parse(leaf.validTo)) return `The certificate in Secret ${key} has expired (${leaf.validTo}).`
  if (now < Date.parse(leaf.validFrom)) return `The certificate in Secret ${key} is not valid before ${leaf.validFrom}.`
  const wrong = hosts.find((host) => host !== '' && !isFor(leaf, host))
  return wrong === undefined ? undefined : `The certificate in Secret ${key} is not for host ${wrong}.`
}

/** For a wildcard it must be for any name below. */
const isFor = (leaf: X509Certificate, host: string): boolean => leaf.checkHost(host.replace(/^\*/, 'any')) !== undefined
