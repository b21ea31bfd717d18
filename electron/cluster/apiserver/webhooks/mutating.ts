import { internal } from '#shared/kube/status.ts'
import { DecodeError } from '../../schema/decode-json.ts'
import { parseExactly } from '../../schema/json/exact.ts'
import { applyJsonPatch, JsonPatchError, type JsonPatchOperation } from '../../schema/patch/json-patch.ts'
import { admittedOf, type Admitted, type Matched } from '../admission/dynamic/admitted.ts'
import type { AdmissionHost } from '../admission/dynamic/host.ts'
import { Rounds } from '../admission/dynamic/rounds.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { cloneObject } from '../storage/codec.ts'
import { callingFailed, rejection, relay, review } from './admission-review.ts'
import { WebhookCallError } from './call-error.ts'
import { WebhookCaller } from './caller.ts'
import { WebhookConfigurations, type ConfiguredWebhook, type Webhook } from './configurations.ts'
import { shouldCall } from './should-call.ts'

const pluginName = 'MutatingAdmissionWebhook'

/** Asks webhooks one after the other, each about what the last one made. Source: webhook/mutating/dispatcher.go. */
export function mutatingWebhooks(host: AdmissionHost): AdmissionPlugin & Disposable {
  const configurations = new WebhookConfigurations(host, 'mutatingwebhookconfigurations')
  const caller = new WebhookCaller(host)
  return {
    name: pluginName,
    connects: true,
    mutate(request) {
      const { webhooks } = configurations
      return webhooks.length ? askAll(webhooks, request) : undefined
    },
    [Symbol.dispose]() {
      configurations[Symbol.dispose]()
      caller[Symbol.dispose]()
    },
  }

  async function askAll(webhooks: readonly ConfiguredWebhook[], request: AdmissionRequest): Promise<void> {
    const admitted = admittedOf(host, request)
    if (!admitted) return
    const rounds = new Rounds(request, pluginName)
    for (const [index, configured] of webhooks.entries()) {
      const matched = shouldCall(host, admitted, configured)
      if (!matched || !rounds.mayRun(configured.key)) continue
      const at = `round_${rounds.second ? 1 : 0}_index_${index}`
      const changed = await ask(configured, matched, admitted, at)
      if (changed) rounds.changed()
      if (configured.webhook.reinvocationPolicy === 'IfNeeded') rounds.ran(configured.key)
    }
    rounds.end()
  }

  async function ask(
    { webhook, configuration }: ConfiguredWebhook,
    matched: Matched,
    admitted: Admitted,
    at: string,
  ): Promise<boolean> {
    const { request } = admitted
    let mutated = false
    try {
      const response = await review(host, caller, admitted, webhook, matched, true)
      relay(admitted, webhook, response)
      if (!response.allowed) throw rejection(webhook, response)
      const operations = response.patch ? decodePatch(response.patch) : []
      if (operations.length) {
        mutated = patch(admitted, matched, webhook, operations)
        const shown = { configuration, webhook: webhook.name, patch: operations, patchType: 'JSONPatch' }
        request.annotate?.(`patch.webhook.admission.k8s.io/${at}`, JSON.stringify(shown))
      }
    } catch (error) {
      if (!(error instanceof WebhookCallError)) throw error
      if (webhook.failurePolicy !== 'Ignore') throw callingFailed(webhook, error)
      host.logger.warn('a webhook failed, and is configured to be ignored then', {
        webhook: webhook.name,
        error: error.message,
      })
      request.annotate?.(`failed-open.mutation.webhook.admission.k8s.io/${at}`, webhook.name)
    }
    const shown = { configuration, webhook: webhook.name, mutated }
    request.annotate?.(`mutation.webhook.admission.k8s.io/${at}`, JSON.stringify(shown))
    return mutated
  }
}

function decodePatch(text: string): JsonPatchOperation[] {
  try {
    const operations = parseExactly(text) as JsonPatchOperation[]
    if (Array.isArray(operations)) return operations
    throw new SyntaxError('json: cannot unmarshal object into Go value of type jsonpatch.Patch')
  } catch (error) {
    throw new WebhookCallError(`received undecodable patch in webhook response: ${(error as Error).message}`)
  }
}

/** True when the object is another one now. */
function patch(
  admitted: Admitted,
  matched: Matched,
  { name }: Webhook,
  operations: readonly JsonPatchOperation[],
): boolean {
  const object = admitted.object(matched)
  if (!object || admitted.request.operation === 'DELETE')
    throw internal(
      `admission webhook ${JSON.stringify(name)} attempted to modify the object, which is not supported for this operation`,
    )
  try {
    return admitted.replace(matched, applyJsonPatch(cloneObject(object), operations))
  } catch (error) {
    if (error instanceof JsonPatchError || error instanceof DecodeError) throw internal(error.message)
    throw error
  }
}
