import { badRequest, internal, StatusError, type Status } from '#shared/kube/status.ts'
import type { Admitted, Matched } from '../admission/dynamic/admitted.ts'
import type { AdmissionHost } from '../admission/dynamic/host.ts'
import { reviewRequest } from '../admission/dynamic/review-request.ts'
import { WebhookCallError } from './call-error.ts'
import type { WebhookCaller } from './caller.ts'
import type { Webhook } from './configurations.ts'

/** What a webhook answered, checked. */
export interface ReviewResponse {
  readonly allowed: boolean
  readonly status?: Partial<Status>
  /** JSON Patch, decoded from base64. */
  readonly patch?: string
  readonly warnings: readonly string[]
  readonly auditAnnotations: Readonly<Record<string, string>>
}

interface RawResponse {
  uid?: string
  allowed?: boolean
  status?: Partial<Status>
  patch?: string
  patchType?: string
  warnings?: string[]
  auditAnnotations?: Record<string, string>
}

const defaultTimeout = 10

/** Asks the webhook. Rejects with WebhookCallError when it cannot say, with StatusError when it may not be asked. */
export async function review(
  host: AdmissionHost,
  caller: WebhookCaller,
  admitted: Admitted,
  webhook: Webhook,
  matched: Matched,
  isMutating: boolean,
): Promise<ReviewResponse> {
  const { name, sideEffects, timeoutSeconds = defaultTimeout, admissionReviewVersions = [] } = webhook
  if (admitted.request.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun')
    throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`)
  const version = admissionReviewVersions.find((each) => each === 'v1' || each === 'v1beta1')
  if (!version)
    throw new WebhookCallError(
      'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)',
    )
  const uid = host.random.uuid()
  const apiVersion = `admission.k8s.io/${version}`
  const { dryRun, options, ...request } = reviewRequest(admitted, matched)
  const sent = {
    kind: 'AdmissionReview',
    apiVersion,
    request: {
      uid,
      ...request,
      object: admitted.object(matched) ?? null,
      oldObject: admitted.old(matched) ?? null,
      dryRun,
      options,
    },
  }
  let answer: unknown
  try {
    answer = await caller.post(webhook.clientConfig, sent, timeoutSeconds * 1000)
  } catch (error) {
    if (error instanceof WebhookCallError) throw new WebhookCallError(`failed to call webhook: ${error.message}`)
    throw error
  }
  return verify(answer, { uid, apiVersion, isMutating })
}

/** Source: VerifyAdmissionResponse in webhook/request/admissionreview.go. */
function verify(
  answer: unknown,
  { uid, apiVersion, isMutating }: { uid: string; apiVersion: string; isMutating: boolean },
): ReviewResponse {
  const wrong = (text: string) => new WebhookCallError(`received invalid webhook response: ${text}`)
  const {
    kind = '',
    apiVersion: version = '',
    response,
  } = (answer ?? {}) as {
    kind?: string
    apiVersion?: string
    response?: RawResponse
  }
  if (!response) throw wrong('webhook response was absent')
  const isFirst = apiVersion === 'admission.k8s.io/v1'
  if (isFirst && response.uid !== uid)
    throw wrong(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`)
  if (isFirst && (kind !== 'AdmissionReview' || version !== apiVersion))
    throw wrong(`expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${version || ''}, Kind=${kind}`)
  const { patch, patchType } = response
  if (isFirst && isMutating) {
    if (patch && !patchType) throw wrong('webhook returned response.patch but not response.patchType')
    if (!patch && patchType) throw wrong('webhook returned response.patchType but not response.patch')
    if (patchType && patchType !== 'JSONPatch')
      throw wrong(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`)
  } else if (isFirst && patch)
    throw wrong('webhook returned response.patch, which is only allowed for mutating webhooks')
  return {
    allowed: response.allowed === true,
    ...(response.status && { status: response.status }),
    ...(patch && { patch: Buffer.from(patch, 'base64').toString() }),
    warnings: response.warnings ?? [],
    auditAnnotations: response.auditAnnotations ?? {},
  }
}

/** Passes on what the answer says besides its verdict. */
export function relay({ request }: Admitted, { name }: Webhook, { warnings, auditAnnotations }: ReviewResponse): void {
  for (const [key, value] of Object.entries(auditAnnotations)) request.annotate?.(`${name}/${key}`, value)
  for (const text of warnings) request.warn(text)
}

/** The refusal as the client gets it. Source: webhook/errors/statuserror.go. */
export function rejection({ name }: Webhook, { status: given = {} }: ReviewResponse): StatusError {
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`
  const why = given.message || given.reason
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    ...given,
    status: 'Failure',
    message: why ? `${denied}: ${why}` : `${denied} without explanation`,
    code: Math.max(given.code ?? 0, 400),
  })
}

export const callingFailed = ({ name }: Webhook, error: WebhookCallError): StatusError =>
  internal(`failed calling webhook ${JSON.stringify(name)}: ${error.message}`)
