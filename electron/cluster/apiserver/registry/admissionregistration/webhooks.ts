import type * as v1 from 'kubernetes-types/admissionregistration/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { asInvalid, duplicate, invalid, notSupported, required } from '../validation/field.ts'
import { validateLabelSelector } from '../validation/labels.ts'
import { isDns1035Label, isDnsSubdomain } from '../validation/names.ts'
import { expressionChecks } from './expressions.ts'
import { defaultRule, failurePolicies, matchPolicies, validateMatchConditions, validateRule } from './rules.ts'
import { validateWebhookService, validateWebhookUrl } from './webhook-client.ts'

type Webhook = Loose<v1.MutatingWebhook>
type Configuration = KubeObject & { webhooks?: Webhook[] }

const reviewVersions = ['v1', 'v1beta1']
const sideEffects = ['None', 'NoneOnDryRun']
const reinvocations = ['IfNeeded', 'Never']
const longestTimeout = 30
const httpsPort = 443

function setDefaults({ webhooks }: Configuration, isMutating: boolean): void {
  for (const hook of webhooks ?? []) {
    hook.failurePolicy ??= 'Fail'
    hook.matchPolicy ??= 'Equivalent'
    hook.namespaceSelector ??= {}
    hook.objectSelector ??= {}
    hook.timeoutSeconds ??= 10
    if (isMutating) hook.reinvocationPolicy ??= 'Never'
    for (const rule of hook.rules ?? []) defaultRule(rule)
    if (hook.clientConfig?.service) hook.clientConfig.service.port ??= httpsPort
  }
}

/** A domain of at least three parts. Source: IsFullyQualifiedName. */
function nameErrors(name: string, path: string): FieldError[] {
  if (!name) return [required(path)]
  const wrong = isDnsSubdomain(name)
  if (wrong.length) return [invalid(path, name, wrong.join(','))]
  return name.split('.').length < 3
    ? [invalid(path, name, 'should be a domain with at least three segments separated by dots')]
    : []
}

function versionErrors(versions: readonly string[], path: string): FieldError[] {
  const known = reviewVersions.join(', ')
  if (!versions.length) return [required(path, `must specify one of ${known}`)]
  const errors = versions.flatMap((version, i) =>
    versions.indexOf(version) < i
      ? [invalid(`${path}[${i}]`, version, 'duplicate version')]
      : asInvalid(`${path}[${i}]`, version, isDns1035Label(version)),
  )
  if (!versions.some((version) => reviewVersions.includes(version))) {
    errors.push(invalid(path, versions, `must include at least one of ${known}`))
  }
  return errors
}

function clientErrors({ url, service }: NonNullable<Webhook['clientConfig']>, path: string): FieldError[] {
  if ((url === undefined) === (service === undefined))
    return [required(path, 'exactly one of url or service is required')]
  return url === undefined
    ? validateWebhookService(service!, `${path}.service`)
    : validateWebhookUrl(url, `${path}.url`)
}

const among = (value: string | undefined, values: readonly string[], path: string): FieldError[] =>
  value !== undefined && !values.includes(value) ? [notSupported(path, value, values)] : []

/** Source: validateMutatingWebhook, which knows one field more than its sister. */
function hookErrors(hook: Webhook, path: string): FieldError[] {
  const { timeoutSeconds: timeout } = hook
  // Always written, so that an absent one may also be null.
  const effects = hook.sideEffects ?? undefined
  return [
    ...nameErrors(hook.name ?? '', `${path}.name`),
    ...(hook.rules ?? []).flatMap((rule, i) => validateRule(rule, `${path}.rules[${i}]`)),
    ...among(hook.failurePolicy, failurePolicies, `${path}.failurePolicy`),
    ...among(hook.matchPolicy, matchPolicies, `${path}.matchPolicy`),
    ...(effects === undefined
      ? [required(`${path}.sideEffects`, `must specify one of ${sideEffects.join(', ')}`)]
      : []),
    ...among(effects, sideEffects, `${path}.sideEffects`),
    ...(timeout !== undefined && (timeout > longestTimeout || timeout < 1)
      ? [
          invalid(
            `${path}.timeoutSeconds`,
            timeout,
            `the timeout value must be between 1 and ${longestTimeout} seconds`,
          ),
        ]
      : []),
    ...validateLabelSelector(hook.namespaceSelector, `${path}.namespaceSelector`),
    ...validateLabelSelector(hook.objectSelector, `${path}.objectSelector`),
    ...among(hook.reinvocationPolicy, reinvocations, `${path}.reinvocationPolicy`),
    ...clientErrors(hook.clientConfig ?? {}, `${path}.clientConfig`),
    ...validateMatchConditions(hook.matchConditions, `${path}.matchConditions`, expressionChecks({ params: false })),
    ...versionErrors(hook.admissionReviewVersions ?? [], `${path}.admissionReviewVersions`),
  ]
}

const validate = ({ webhooks }: Configuration): FieldError[] =>
  (webhooks ?? []).flatMap((hook, i, all) => {
    const isSecond = hook.name && all.findIndex(({ name }) => name === hook.name) < i
    return [...hookErrors(hook, `webhooks[${i}]`), ...(isSecond ? [duplicate(`webhooks[${i}].name`, hook.name)] : [])]
  })

const define = kindsOf('admissionregistration.k8s.io', 'v1')

function definitionOf(
  kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration',
  isMutating: boolean,
): KindDefinition<Configuration> {
  const column = columnsOf<Configuration>(kind)
  return define<Configuration>({
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: false,
    categories: ['api-extensions'],
    rules: {
      anyFinalizers: true,
      defaults: (configuration) => setDefaults(configuration, isMutating),
      desired: ({ webhooks }) => webhooks,
      validate,
      more: { answersDeleted: true, requireResourceVersionOnUpdate: true },
    },
    columns: [nameColumn, column('Webhooks', ({ webhooks }) => webhooks?.length ?? 0, { type: 'integer' }), ageColumn],
  })
}

export const mutatingWebhookConfiguration = definitionOf('MutatingWebhookConfiguration', true)
export const validatingWebhookConfiguration = definitionOf('ValidatingWebhookConfiguration', false)
