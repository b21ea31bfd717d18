import { forbidden as forbiddenOf, StatusError } from '#shared/kube/status.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../../registry/kind.ts'
import { matchConditionsBudget, requestBudget } from '../../../cel/environment.ts'
import { admittedOf, type Admitted, type Matched } from '../dynamic/admitted.ts'
import { Activation, Budget, OutOfBudgetError, type ActivationInput } from '../dynamic/activation.ts'
import { authorizerVariables } from '../dynamic/authorizer.ts'
import { conditionsMatch } from '../dynamic/conditions.ts'
import type { AdmissionHost } from '../dynamic/host.ts'
import { matchResources } from '../dynamic/match.ts'
import { reviewRequest } from '../dynamic/review-request.ts'
import { nameOf } from '../request.ts'
import { compileValidating, type CompiledValidating } from './compile-validating.ts'
import { namespaceObject } from './namespace-object.ts'
import { ConfigurationError, paramsOf } from './params.ts'
import { PolicyIndex, type Hook } from './policy-index.ts'
import { validatePolicy, type PolicyResult } from './validate.ts'
import type { Binding, ValidatingSpec } from './types.ts'

type ValidatingHook = Hook<ValidatingSpec, CompiledValidating>

interface Denial {
  readonly message: string
  readonly reason?: string
}

const longestAnnotation = 10 * 1024
const codes: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413 }

/** Source: apiserver/pkg/admission/plugin/policy/validating/dispatcher.go. */
export function validatingAdmissionPolicy(host: AdmissionHost): AdmissionPlugin & Disposable {
  const index = new PolicyIndex<ValidatingSpec, CompiledValidating>({
    host,
    policies: 'validatingadmissionpolicies',
    bindings: 'validatingadmissionpolicybindings',
    compile: ({ spec }) => compileValidating(spec),
  })
  return {
    name: 'ValidatingAdmissionPolicy',
    connects: true,
    validate(request) {
      const { hooks } = index
      if (!hooks.length) return
      const admitted = admittedOf(host, request)
      if (!admitted) return
      const denials = hooks.flatMap((hook) => denialsOf(host, admitted, hook))
      if (denials[0]) throw denied(request, denials[0])
    },
    [Symbol.dispose]: () => index[Symbol.dispose](),
  }
}

function denied(request: AdmissionRequest, { message, reason = 'Invalid' }: Denial): StatusError {
  const { status } = forbiddenOf(request.kind, nameOf(request), message)
  return new StatusError({
    ...status,
    reason,
    code: codes[reason] ?? 422,
    details: { ...status.details, causes: [{ message }] },
  })
}

function denialsOf(host: AdmissionHost, admitted: Admitted, hook: ValidatingHook): Denial[] {
  const { policy, bindings } = hook
  const name = policy.metadata!.name!
  const failed = (error: unknown, binding?: Binding): Denial[] => {
    if (!(error instanceof ConfigurationError || error instanceof StatusError)) throw error
    if (policy.spec.failurePolicy === 'Ignore') return []
    const text = `failed to configure ${binding ? 'binding' : 'policy'}: ${error.message}`
    return [{ message: deniedBy(name, binding, text) }]
  }
  let matched: Matched | undefined
  try {
    matched = matchResources(admitted, policy.spec.matchConstraints)
  } catch (error) {
    return failed(error)
  }
  if (!matched) return []
  const annotations = new Map<string, Set<string>>()
  const denials: Denial[] = []
  for (const binding of bindings) {
    let results: PolicyResult[]
    try {
      if (!matchResources(admitted, binding.spec.matchResources)) continue
      results = evaluate(host, admitted, hook, binding, matched)
    } catch (error) {
      denials.push(...failed(error, binding))
      continue
    }
    for (const result of results) denials.push(...settle(admitted.request, name, binding, result, annotations))
  }
  for (const [key, values] of annotations) admitted.request.annotate?.(`${name}/${key}`, [...values].join(', '))
  return denials
}

const deniedBy = (policy: string, binding: Binding | undefined, text: string): string =>
  `ValidatingAdmissionPolicy '${policy}'${binding ? ` with binding '${binding.metadata!.name}'` : ''} denied request: ${text}`

/** The policy's verdicts, one for each object of parameters. */
function evaluate(
  host: AdmissionHost,
  admitted: Admitted,
  { policy: { spec }, compiled }: ValidatingHook,
  binding: Binding,
  matched: Matched,
): PolicyResult[] {
  const { request } = admitted
  const params = paramsOf(host, spec.paramKind, binding.spec.paramRef, request.namespace)
  const namespace = namespaceObject(request)
  return params.map((param) => {
    const input: ActivationInput = {
      ...admitted.values(matched),
      request: reviewRequest(admitted, matched),
      namespace,
      params: param,
      authorizer: () => authorizerVariables(host, admitted),
      composition: compiled.composition,
    }
    return resultOf(compiled, spec, input)
  })
}

function resultOf(compiled: CompiledValidating, spec: ValidatingSpec, input: ActivationInput): PolicyResult {
  const action = spec.failurePolicy === 'Ignore' ? 'admit' : 'deny'
  try {
    const met = compiled.conditions.length
      ? conditionsMatch(compiled.conditions, new Activation(input, new Budget(matchConditionsBudget)))
      : true
    if (met === false) return { decisions: [], annotations: [] }
    if (met !== true) return { decisions: [{ action, message: met.error }], annotations: [] }
    return validatePolicy(compiled, spec, new Activation(input, new Budget(requestBudget)))
  } catch (error) {
    if (!(error instanceof OutOfBudgetError)) throw error
    return { decisions: [{ action, message: error.message }], annotations: [] }
  }
}

/** Does what the binding says with what the policy found. */
function settle(
  request: AdmissionRequest,
  name: string,
  binding: Binding,
  { decisions, annotations: made }: PolicyResult,
  annotations: Map<string, Set<string>>,
): Denial[] {
  const denials: Denial[] = []
  const bindingName = binding.metadata!.name!
  const actions = binding.spec.validationActions ?? []
  for (const [expressionIndex, { action, message, reason }] of decisions.entries()) {
    if (action === 'admit') continue
    if (actions.includes('Deny')) denials.push({ message: deniedBy(name, binding, message), ...(reason && { reason }) })
    if (actions.includes('Warn'))
      request.warn(
        `Validation failed for ValidatingAdmissionPolicy '${name}' with binding '${bindingName}': ${message}`,
      )
    if (actions.includes('Audit')) {
      const failure = { message, policy: name, binding: bindingName, expressionIndex, validationActions: actions }
      request.annotate?.('validation.policy.admission.k8s.io/validation_failure', JSON.stringify([failure]))
    }
  }
  for (const { key, value, error } of made) {
    if (error !== undefined) denials.push({ message: deniedBy(name, binding, error) })
    else if (value !== undefined) {
      const values = annotations.get(key) ?? new Set()
      annotations.set(key, values.add(value.slice(0, longestAnnotation)))
    }
  }
  return denials
}
