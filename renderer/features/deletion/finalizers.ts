import type { Namespace } from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'

/** Whose finalizers those of Kubernetes itself are, by a key of the messages. */
const known: Record<string, string> = {
  foregroundDeletion: 'foreground',
  orphan: 'orphan',
  'kubernetes.io/pvc-protection': 'claim',
  'kubernetes.io/pv-protection': 'volume',
  'service.kubernetes.io/load-balancer-cleanup': 'loadBalancer',
  'batch.kubernetes.io/job-tracking': 'job',
  'resource.kubernetes.io/delete-protection': 'device',
  'customresourcecleanup.apiextensions.k8s.io': 'definition',
  'networking.k8s.io/service-cidr-finalizer': 'range',
}

export interface Finalizer {
  name: string
  /** Key of what Kubernetes means by it; undefined: somebody else's. */
  meaning: string | undefined
}

export const finalizersOf = ({ metadata }: KubeObject): Finalizer[] =>
  (metadata?.finalizers ?? []).map((name) => ({ name, meaning: known[name] }))

/** What a namespace that is going still waits for, in the words of its controller. */
export const namespaceWaits = ({ status }: Namespace): string[] =>
  (status?.conditions ?? []).flatMap(({ status: holds, message }) => (holds === 'True' && message ? [message] : []))
