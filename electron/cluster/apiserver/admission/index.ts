import type { AdmissionPlugin } from '../registry/kind.ts'
import { mutatingWebhooks } from '../webhooks/mutating.ts'
import { validatingWebhooks } from '../webhooks/validating.ts'
import { certificateSubjectRestriction } from './certificate-subject.ts'
import { persistentVolumeClaimResize } from './claim-resize.ts'
import type { AdmissionHost } from './dynamic/host.ts'
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts'
import { limitRanger } from './limit-ranger.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { nodeDeclaredFeatureValidator } from './node-declared-features.ts'
import { nodeRestriction } from './node-restriction.ts'
import { storageObjectInUseProtection } from './object-in-use.ts'
import { mutatingAdmissionPolicy } from './policies/mutating.ts'
import { validatingAdmissionPolicy } from './policies/validating.ts'
import { podSecurity } from './pod-security/index.ts'
import { defaultTolerationSeconds, taintNodesByCondition } from './pod-tolerations.ts'
import { priority } from './priority.ts'
import { resourceQuota } from './resource-quota.ts'
import { runtimeClass } from './runtime-class.ts'
import { serviceAccount } from './service-account.ts'

/** In the order in which upstream runs them: quotas are charged last, for what all others let through. */
export const plugins = (host: AdmissionHost): readonly AdmissionPlugin[] => [
  namespaceLifecycle,
  limitRanger,
  serviceAccount(host),
  nodeRestriction,
  taintNodesByCondition,
  podSecurity,
  priority,
  defaultTolerationSeconds,
  defaultStorageClass,
  storageObjectInUseProtection,
  persistentVolumeClaimResize,
  runtimeClass,
  certificateSubjectRestriction,
  defaultIngressClass,
  nodeDeclaredFeatureValidator,
  mutatingAdmissionPolicy(host),
  mutatingWebhooks(host),
  validatingAdmissionPolicy(host),
  validatingWebhooks(host),
  resourceQuota(host),
]
