import { admittedOf, type Admitted, type Matched } from '../admission/dynamic/admitted.ts'
import type { AdmissionHost } from '../admission/dynamic/host.ts'
import type { AdmissionPlugin } from '../registry/kind.ts'
import { callingFailed, rejection, relay, review } from './admission-review.ts'
import { WebhookCallError } from './call-error.ts'
import { WebhookCaller } from './caller.ts'
import { WebhookConfigurations, type ConfiguredWebhook } from './configurations.ts'
import { shouldCall } from './should-call.ts'

interface Call {
  readonly configured: ConfiguredWebhook
  readonly matched: Matched
  readonly index: number
}

/** Asks all webhooks at once. Source: apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go. */
export function validatingWebhooks(host: AdmissionHost): AdmissionPlugin & Disposable {
  const configurations = new WebhookConfigurations(host, 'validatingwebhookconfigurations')
  const caller = new WebhookCaller(host)
  return {
    name: 'ValidatingAdmissionWebhook',
    connects: true,
    validate(request) {
      const { webhooks } = configurations
      if (!webhooks.length) return undefined
      const admitted = admittedOf(host, request)
      if (!admitted) return undefined
      const calls = webhooks.flatMap((configured) => {
        const matched = shouldCall(host, admitted, configured)
        return matched ? [{ configured, matched }] : []
      })
      return calls.length
        ? askAll(
            calls.map((call, index) => ({ ...call, index })),
            admitted,
          )
        : undefined
    },
    [Symbol.dispose]() {
      configurations[Symbol.dispose]()
      caller[Symbol.dispose]()
    },
  }

  async function askAll(calls: readonly Call[], admitted: Admitted): Promise<void> {
    const outcomes = await Promise.allSettled(calls.map((call) => ask(call, admitted)))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
  }

  async function ask({ configured: { webhook }, matched, index }: Call, admitted: Admitted): Promise<void> {
    try {
      const response = await review(host, caller, admitted, webhook, matched, false)
      relay(admitted, webhook, response)
      if (!response.allowed) throw rejection(webhook, response)
    } catch (error) {
      if (!(error instanceof WebhookCallError)) throw error
      if (webhook.failurePolicy !== 'Ignore') throw callingFailed(webhook, error)
      host.logger.warn('a webhook failed, and is configured to be ignored then', {
        webhook: webhook.name,
        error: error.message,
      })
      admitted.request.annotate?.(
        `failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`,
        webhook.name,
      )
    }
  }
}
