import type { KubeObject } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import type { KubeClient } from '../../../client/api.ts'

const kindOf = (plural: string, kind: string): ResourceType => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: false,
})

export const registrations = {
  validating: kindOf('validatingadmissionpolicies', 'ValidatingAdmissionPolicy'),
  validatingBindings: kindOf('validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding'),
  mutating: kindOf('mutatingadmissionpolicies', 'MutatingAdmissionPolicy'),
  mutatingBindings: kindOf('mutatingadmissionpolicybindings', 'MutatingAdmissionPolicyBinding'),
  mutatingWebhooks: kindOf('mutatingwebhookconfigurations', 'MutatingWebhookConfiguration'),
  validatingWebhooks: kindOf('validatingwebhookconfigurations', 'ValidatingWebhookConfiguration'),
}

export const object = (apiVersion: string, kind: string, metadata: object, more: object = {}): KubeObject =>
  ({ apiVersion, kind, metadata, ...more }) as KubeObject

/** An object of admissionregistration.k8s.io/v1. */
export const registration = (type: ResourceType, name: string, more: object): KubeObject =>
  object('admissionregistration.k8s.io/v1', type.kind, { name }, more)

export const onConfigMaps = {
  resourceRules: [
    { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] },
  ],
}

/** A policy on config maps and its binding, `NAME-b`. */
export async function bindPolicy(
  client: KubeClient,
  sort: 'validating' | 'mutating',
  { name = 'p', spec, binding = {} }: { name?: string; spec: object; binding?: object },
): Promise<void> {
  const [policies, bindings] = [registrations[sort], registrations[`${sort}Bindings`]]
  await client.create(policies, registration(policies, name, { spec: { matchConstraints: onConfigMaps, ...spec } }))
  const actions = sort === 'validating' ? { validationActions: ['Deny'] } : {}
  const bound = { spec: { policyName: name, ...actions, ...binding } }
  await client.create(bindings, registration(bindings, `${name}-b`, bound))
}

export const configMap = (data: Record<string, string>, metadata: object = {}): KubeObject =>
  object('v1', 'ConfigMap', { name: 'c', namespace: 'a', ...metadata }, { data })
