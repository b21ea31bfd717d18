import { X509Certificate } from 'node:crypto'
import type { FieldError } from '#shared/kube/status.ts'
import { validateWebhookService, validateWebhookUrl } from '../admissionregistration/webhook-client.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { isDns1035Label } from '../validation/names.ts'
import type { Spec } from './types.ts'

type Conversion = NonNullable<Spec['conversion']>

/** Source: validateCustomResourceConversion. `old` before an update. */
export function validateConversion({ strategy = '', webhook }: Conversion, old?: Conversion): FieldError[] {
  const path = 'spec.conversion'
  if (strategy !== 'Webhook') {
    const text = 'should not be set when strategy is not set to Webhook'
    return [
      ...(strategy ? [] : [required(`${path}.strategy`)]),
      ...(!strategy || strategy === 'None' ? [] : [notSupported(`${path}.strategy`, strategy, ['None', 'Webhook'])]),
      ...(webhook?.clientConfig ? [forbidden(`${path}.webhookClientConfig`, text)] : []),
      ...(webhook?.conversionReviewVersions?.length ? [forbidden(`${path}.conversionReviewVersions`, text)] : []),
    ]
  }
  return [
    ...validateClient(webhook?.clientConfig, `${path}.webhookClientConfig`),
    ...validateAuthority(webhook?.clientConfig, old?.webhook?.clientConfig, `${path}.webhookClientConfig`),
    ...validateReviewVersions(webhook?.conversionReviewVersions ?? [], `${path}.conversionReviewVersions`),
  ]
}

type Client = NonNullable<Conversion['webhook']>['clientConfig']

function validateClient(client: Client, path: string): FieldError[] {
  if (!client) return [required(path, 'required when strategy is set to Webhook')]
  if ((client.url === undefined) === (client.service === undefined))
    return [required(path, 'exactly one of url or service is required')]
  return client.url === undefined
    ? validateWebhookService(client.service!, `${path}.service`)
    : validateWebhookUrl(client.url, `${path}.url`)
}

/** Created with authorities that are none, a definition waits for better ones; but good ones are not replaced by bad ones. */
function validateAuthority(client: Client, old: Client, path: string): FieldError[] {
  if (!old?.caBundle || authorityProblem(old.caBundle)) return []
  const problem = authorityProblem(client?.caBundle)
  return problem ? [invalid(`${path}.caBundle`, client!.caBundle, problem)] : []
}

/** Why nobody can be checked with this bundle, base64 of PEM; undefined where it is good, or not there. */
export function authorityProblem(caBundle = ''): string | undefined {
  if (!caBundle) return undefined
  const text = Buffer.from(caBundle, 'base64').toString()
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g) ?? []
  const certificates = blocks.filter((block) => block.startsWith('-----BEGIN CERTIFICATE-----'))
  if (certificates.some(isCertificate)) return undefined
  if (!blocks.length) return 'unable to load root certificates: unable to parse bytes as PEM block'
  return certificates.length
    ? 'unable to load root certificates: failed to parse certificate'
    : 'unable to load root certificates: no valid certificate authority data seen'
}

function isCertificate(pem: string): boolean {
  try {
    return Boolean(new X509Certificate(pem))
  } catch {
    return false
  }
}

const known = ['v1', 'v1beta1']

function validateReviewVersions(versions: readonly string[], path: string): FieldError[] {
  if (!versions.length) return [required(path)]
  const errors = versions.flatMap((version, i) => {
    if (versions.indexOf(version) < i) return [invalid(`${path}[${i}]`, version, 'duplicate version')]
    return isDns1035Label(version).map((text) => invalid(`${path}[${i}]`, version, text))
  })
  if (versions.some((version) => known.includes(version))) return errors
  return [...errors, invalid(path, versions, `must include at least one of ${known.join(', ')}`)]
}
