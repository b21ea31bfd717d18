import type { KindDefinition } from '../kind.ts'
import { mutatingAdmissionPolicy, validatingAdmissionPolicy } from './policies.ts'
import { mutatingAdmissionPolicyBinding, validatingAdmissionPolicyBinding } from './policy-bindings.ts'
import { mutatingWebhookConfiguration, validatingWebhookConfiguration } from './webhooks.ts'

export const kinds: readonly KindDefinition[] = [
  mutatingAdmissionPolicy,
  mutatingAdmissionPolicyBinding,
  mutatingWebhookConfiguration,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
  validatingWebhookConfiguration,
]
