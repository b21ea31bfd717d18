import { expect, it } from 'vitest'
import { create } from '../testing/rules.ts'
import { mutatingAdmissionPolicyBinding, validatingAdmissionPolicyBinding } from './policy-bindings.ts'
import { validatingAdmissionPolicy } from './policies.ts'

const rule = { apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }

it('bindings show the parameters that they name or select', () => {
  const column = mutatingAdmissionPolicyBinding.columns.find(({ name }) => name === 'ParamRef')!
  const shown = (paramRef?: object) => column.cell({ spec: { paramRef } } as never)
  expect(shown()).toBe('<unset>')
  expect(shown({ name: 'n', namespace: 'ns' })).toBe('ns/n')
  expect(shown({ name: 'n' })).toBe('*/n')
  const matchExpressions = [{ key: 'c', operator: 'In', values: ['x', 'y'] }]
  expect(shown({ selector: { matchLabels: { b: '2', a: '1' }, matchExpressions } })).toBe(
    '&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:c,Operator:In,Values:[x y],},},}',
  )
})

it('policies refuse for three reasons', () => {
  const errorsOf = (reason: string) => {
    const spec = { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'true', reason }] }
    return create(validatingAdmissionPolicy, { metadata: { name: 'p' }, spec }).errors
  }
  expect(errorsOf('Invalid')).toEqual([])
  expect(errorsOf('Unauthorized')).toEqual([
    'spec.validations[0].reason: Unsupported value: "Unauthorized": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
  ])
})

it('annotations of audits are called after their policy, so that it needs a name', () => {
  const auditAnnotations = [{ key: 'k', valueExpression: "'a'" }]
  const spec = { matchConstraints: { resourceRules: [rule] }, auditAnnotations }
  expect(create(validatingAdmissionPolicy, { metadata: { name: 'p' }, spec }).errors).toEqual([])
  expect(create(validatingAdmissionPolicy, { metadata: {}, spec }).errors).toEqual([
    'spec.auditAnnotations[0].key: Invalid value: "k": requires metadata.name be non-empty',
  ])
})

it('bindings narrow a policy to resources that there could be', () => {
  const matchResources = { matchPolicy: 'Roughly' }
  const spec = { policyName: 'p', validationActions: ['Deny'], matchResources }
  expect(create(validatingAdmissionPolicyBinding, { metadata: { name: 'b' }, spec }).errors).toEqual([
    'spec.matchResources.matchPolicy: Unsupported value: "Roughly": supported values: "Equivalent", "Exact"',
  ])
})
