import type { ConfigMap, Namespace, Service } from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { remoteHeaders } from '../authn/request-header.ts'
import { frontProxyUser } from '../pki/pki.ts'
import apiServices from './data/api-services.jsonl?raw'
import flowControl from './data/flow-control.jsonl?raw'
import rbac from './data/rbac.jsonl?raw'
import scheduling from './data/scheduling.jsonl?raw'

export interface BootstrapFacts {
  serviceCidr: string
  /** The `kubernetes` service's address: the first of the service range. */
  serviceAddress: string
  /** PEM: published for extension API servers. */
  authority: string
  /** PEM: the authority of those who speak for others. */
  frontProxy: string
  /** YYYY-MM-DD, in UTC. */
  today: string
}

const lines = (text: string): KubeObject[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as KubeObject)

/** Everything, namespaces first. New objects on every call. */
export function bootstrapObjects(facts: BootstrapFacts): KubeObject[] {
  return [
    ...['default', 'kube-system', 'kube-public', 'kube-node-lease'].map(namespace),
    ...[rbac, scheduling, flowControl, apiServices].flatMap(lines),
    kubernetesService(facts.serviceAddress),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'kubernetes' },
      spec: { cidrs: [facts.serviceCidr] },
    } as KubeObject,
    authenticationConfig(facts),
    tokenTracking(facts),
  ]
}

const namespace = (name: string): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Active' },
})

const kubernetesService = (address: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: {
    type: 'ClusterIP',
    clusterIP: address,
    clusterIPs: [address],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    internalTrafficPolicy: 'Cluster',
    sessionAffinity: 'None',
    ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
  },
  status: { loadBalancer: {} },
})

/** Since when the use of service account tokens in secrets is written down. */
const tokenTracking = ({ today }: BootstrapFacts): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' },
  data: { since: today },
})

/** What extension API servers trust: clients of the cluster, and who speaks for others. */
export const authenticationConfig = ({ authority, frontProxy }: BootstrapFacts): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
  data: {
    'client-ca-file': authority,
    'requestheader-allowed-names': JSON.stringify([frontProxyUser]),
    'requestheader-client-ca-file': frontProxy,
    'requestheader-extra-headers-prefix': JSON.stringify([remoteHeaders.extraPrefix]),
    'requestheader-group-headers': JSON.stringify([remoteHeaders.group]),
    'requestheader-uid-headers': JSON.stringify([remoteHeaders.uid]),
    'requestheader-username-headers': JSON.stringify([remoteHeaders.user]),
  },
})
