import { StatusError } from '#shared/kube/status.ts'
import { Activation, Budget, OutOfBudgetError } from '../admission/dynamic/activation.ts'
import type { Admitted, Matched } from '../admission/dynamic/admitted.ts'
import { authorizerVariables } from '../admission/dynamic/authorizer.ts'
import { conditionsMatch } from '../admission/dynamic/conditions.ts'
import type { AdmissionHost } from '../admission/dynamic/host.ts'
import { matchRules } from '../admission/dynamic/match.ts'
import { reviewRequest } from '../admission/dynamic/review-request.ts'
import { namespaceMatches, objectMatches } from '../admission/dynamic/selectors.ts'
import { forbidden } from '../admission/request.ts'
import { matchConditionsBudget } from '../../cel/environment.ts'
import type { ConfiguredWebhook } from './configurations.ts'

/** The version in which the webhook is to be asked; undefined: not at all. Source: ShouldCallHook in webhook/generic. */
export function shouldCall(
  host: AdmissionHost,
  admitted: Admitted,
  configured: ConfiguredWebhook,
): Matched | undefined {
  const { webhook } = configured
  const inNamespace = attempt(() => namespaceMatches(webhook.namespaceSelector, admitted.request))
  if (inNamespace === false || !objectMatches(webhook.objectSelector, admitted.request)) return undefined
  const matched = matchRules(admitted, webhook.rules ?? [], webhook.matchPolicy)
  // Who is not meant at all need not know that the namespace is missing.
  if (!matched) return undefined
  if (inNamespace instanceof StatusError) throw inNamespace
  return meetsConditions(host, admitted, configured, matched) ? matched : undefined
}

function attempt<T>(read: () => T): T | StatusError {
  try {
    return read()
  } catch (error) {
    if (error instanceof StatusError) return error
    throw error
  }
}

function meetsConditions(
  host: AdmissionHost,
  admitted: Admitted,
  { webhook, conditions }: ConfiguredWebhook,
  matched: Matched,
): boolean {
  if (!conditions.length) return true
  const met = evaluate(host, admitted, conditions, matched)
  if (typeof met === 'boolean') return met
  if (webhook.failurePolicy === 'Ignore') return false
  throw forbidden(admitted.request, met.error)
}

function evaluate(
  host: AdmissionHost,
  admitted: Admitted,
  conditions: ConfiguredWebhook['conditions'],
  matched: Matched,
): ReturnType<typeof conditionsMatch> {
  const input = {
    ...admitted.values(matched),
    request: reviewRequest(admitted, matched),
    namespace: undefined,
    authorizer: () => authorizerVariables(host, admitted),
  }
  try {
    return conditionsMatch(conditions, new Activation(input, new Budget(matchConditionsBudget)))
  } catch (error) {
    if (error instanceof OutOfBudgetError) return { error: error.message }
    throw error
  }
}
