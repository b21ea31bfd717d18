import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '#shared/kube/object.ts'
import { forbidden as forbiddenOf, StatusError } from '#shared/kube/status.ts'
import { DecodeError } from '../../../schema/decode-json.ts'
import { matchConditionsBudget, requestBudget } from '../../../cel/environment.ts'
import { admittedOf, type Admitted, type Matched } from '../dynamic/admitted.ts'
import { Activation, Budget, OutOfBudgetError } from '../dynamic/activation.ts'
import { authorizerVariables } from '../dynamic/authorizer.ts'
import { conditionsMatch } from '../dynamic/conditions.ts'
import type { AdmissionHost } from '../dynamic/host.ts'
import { matchResources } from '../dynamic/match.ts'
import { Rounds } from '../dynamic/rounds.ts'
import { reviewRequest } from '../dynamic/review-request.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../../registry/kind.ts'
import { nameOf } from '../request.ts'
import { compileMutating, type CompiledMutating, type CompiledMutation } from './compile-mutating.ts'
import { namespaceObject } from './namespace-object.ts'
import { ConfigurationError, paramsOf } from './params.ts'
import { applyConfigurationTo, jsonPatched } from './patches.ts'
import { PolicyIndex, type Hook } from './policy-index.ts'
import type { Binding, MutatingSpec } from './types.ts'

type MutatingHook = Hook<MutatingSpec, CompiledMutating>

interface Invocation {
  readonly hook: MutatingHook
  readonly binding: Binding
  readonly matched: Matched
  readonly params: KubeObject | undefined
}

interface Failure {
  readonly hook: MutatingHook
  readonly binding?: Binding
  readonly message: string
  readonly reason?: string
}

const pluginName = 'MutatingAdmissionPolicy'

/** Source: apiserver/pkg/admission/plugin/policy/mutating/dispatcher.go. */
export function mutatingAdmissionPolicy(host: AdmissionHost): AdmissionPlugin & Disposable {
  const index = new PolicyIndex<MutatingSpec, CompiledMutating>({
    host,
    policies: 'mutatingadmissionpolicies',
    bindings: 'mutatingadmissionpolicybindings',
    compile: ({ spec }) => compileMutating(spec),
  })
  return {
    name: pluginName,
    connects: true,
    mutate(request) {
      const { hooks } = index
      if (!hooks.length) return
      const admitted = admittedOf(host, request)
      if (!admitted) return
      const failures: Failure[] = []
      const invocations = hooks.flatMap((hook) => invocationsOf(host, admitted, hook, failures))
      if (invocations.length) invoke(host, admitted, invocations, failures)
      const counted = failures.filter(({ hook }) => hook.policy.spec.failurePolicy !== 'Ignore')
      if (counted.length) throw denied(request, counted)
    },
    [Symbol.dispose]: () => index[Symbol.dispose](),
  }
}

function denied(request: AdmissionRequest, failures: readonly Failure[]): StatusError {
  const texts = failures.map(({ hook, binding, message }) => {
    const name = hook.policy.metadata!.name!
    const who = binding ? `'${name}' with binding '${binding.metadata!.name}'` : JSON.stringify(name)
    return `policy ${who} denied request: ${message}`
  })
  const { status } = forbiddenOf(request.kind, nameOf(request), 'admission request denied by policy')
  const { reason } = failures[0]!
  return new StatusError({
    ...status,
    message: texts[0]!,
    ...(reason && { reason }),
    details: { ...status.details, causes: texts.map((message) => ({ message })) },
  })
}

function invocationsOf(host: AdmissionHost, admitted: Admitted, hook: MutatingHook, failures: Failure[]): Invocation[] {
  const { spec } = hook.policy
  const guarded = <T>(what: 'policy' | 'binding', binding: Binding | undefined, attempt: () => T): T | undefined => {
    try {
      return attempt()
    } catch (error) {
      if (!(error instanceof ConfigurationError || error instanceof StatusError)) throw error
      failures.push({ hook, ...(binding && { binding }), message: `failed to configure ${what}: ${error.message}` })
      return undefined
    }
  }
  const matched = guarded('policy', undefined, () => matchResources(admitted, spec.matchConstraints))
  if (!matched) return []
  return hook.bindings.flatMap((binding) => {
    const params = guarded('binding', binding, () =>
      matchResources(admitted, binding.spec.matchResources)
        ? paramsOf(host, spec.paramKind, binding.spec.paramRef, admitted.request.namespace)
        : [],
    )
    return (params ?? []).map((param) => ({ hook, binding, matched, params: param }))
  })
}

/** Runs the mutations in order, each upon the last one's result. */
function invoke(
  host: AdmissionHost,
  admitted: Admitted,
  invocations: readonly Invocation[],
  failures: Failure[],
): void {
  const { request } = admitted
  const rounds = new Rounds(request, pluginName)
  const namespace = namespaceObject(request)
  const authorizer = () => authorizerVariables(host, admitted)
  for (const { hook, binding, matched, params } of invocations) {
    const { compiled, policy } = hook
    const activation = (budget: number) =>
      new Activation(
        {
          ...admitted.values(matched),
          request: reviewRequest(admitted, matched),
          namespace,
          params,
          authorizer,
          composition: compiled.composition,
        },
        new Budget(budget),
      )
    const fail = (message: string) => void failures.push({ hook, binding, message, reason: 'Invalid' })
    const met = compiled.conditions.length
      ? withinBudget(() => conditionsMatch(compiled.conditions, activation(matchConditionsBudget)))
      : true
    if (met !== true && met !== false) {
      fail(met.error)
      continue
    }
    const { namespace: where = '', name = '' } = params?.metadata ?? {}
    const key = [policy.metadata!.name, binding.metadata!.name, where, name].join('/')
    if (!met || !rounds.mayRun(key) || !request.object) continue
    let changed = false
    for (const mutation of compiled.mutations) {
      const outcome = mutate(admitted, matched, mutation, activation(requestBudget))
      if (typeof outcome === 'boolean') changed ||= outcome
      else fail(outcome.error)
    }
    if (changed) rounds.changed()
    if (policy.spec.reinvocationPolicy === 'IfNeeded') rounds.ran(key)
  }
  rounds.end()
}

function withinBudget<T>(attempt: () => T): T | { error: string } {
  try {
    return attempt()
  } catch (error) {
    if (error instanceof OutOfBudgetError) return { error: error.message }
    throw error
  }
}

/** Whether the object is another one now, or why the mutation failed. */
function mutate(
  admitted: Admitted,
  matched: Matched,
  { patchType, expression, source }: CompiledMutation,
  activation: Activation,
): boolean | { error: string } {
  const found = withinBudget(() => activation.evaluate(expression, source))
  if ('error' in found) return found
  const object = admitted.object(matched)!
  try {
    const next =
      patchType === 'JSONPatch'
        ? jsonPatched(object, found.value)
        : applyConfigurationTo(object, found.value, matched.served)
    return !isDeepStrictEqual(next, object) && admitted.replace(matched, next)
  } catch (error) {
    if (error instanceof ConfigurationError || error instanceof DecodeError) return { error: error.message }
    throw error
  }
}
