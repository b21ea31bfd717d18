import type { FieldError } from '#shared/kube/status.ts'
import { validateWebhookService, validateWebhookUrl } from '../admissionregistration/webhook-client.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { isDns1035Label } from '../validation/names.ts'
import type { Spec } from './types.ts'

/** Source: validateCustomResourceConversion. */
export function validateConversion({ strategy = '', webhook }: NonNullable<Spec['conversion']>): FieldError[] {
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
    ...validateReviewVersions(webhook?.conversionReviewVersions ?? [], `${path}.conversionReviewVersions`),
  ]
}

type Client = NonNullable<NonNullable<Spec['conversion']>['webhook']>['clientConfig']

function validateClient(client: Client, path: string): FieldError[] {
  if (!client) return [required(path, 'required when strategy is set to Webhook')]
  if ((client.url === undefined) === (client.service === undefined))
    return [required(path, 'exactly one of url or service is required')]
  return client.url === undefined
    ? validateWebhookService(client.service!, `${path}.service`)
    : validateWebhookUrl(client.url, `${path}.url`)
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
