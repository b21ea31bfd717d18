import { compileTyped } from '../../../cel/admission/compile.ts'
import { admissionEnvironment } from '../../../cel/admission/environment.ts'
import { applyConfigurationType, patchOperationType } from '../../../cel/admission/patch-types.ts'
import { compose, type Composition } from '../../../cel/admission/variables.ts'
import type { Expression } from '../../../cel/environment.ts'
import { list } from '../../../cel/types/types.ts'
import { compileConditions, type CompiledCondition } from '../dynamic/conditions.ts'
import type { MutatingSpec } from './types.ts'

export interface CompiledMutation {
  readonly patchType: 'ApplyConfiguration' | 'JSONPatch'
  readonly source: string
  readonly expression: Expression | { error: string }
}

export interface CompiledMutating {
  readonly conditions: readonly CompiledCondition[]
  readonly composition: Composition
  readonly mutations: readonly CompiledMutation[]
}

export function compileMutating(spec: MutatingSpec): CompiledMutating {
  const params = spec.paramKind !== undefined
  const environment = admissionEnvironment({ params, authorizer: true, patches: true })
  const composition = compose(environment, spec.variables ?? [])
  return {
    conditions: compileConditions(admissionEnvironment({ params, authorizer: true }), spec.matchConditions),
    composition,
    mutations: (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => {
      const source = (patchType === 'JSONPatch' ? jsonPatch : applyConfiguration)?.expression ?? ''
      const wanted = patchType === 'JSONPatch' ? list(patchOperationType) : applyConfigurationType
      return { patchType, source, expression: compileTyped(composition.environment, source, [wanted]) }
    }),
  }
}
