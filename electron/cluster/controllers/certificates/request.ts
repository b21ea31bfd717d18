import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { CertificateRequest } from '../../base/certificate-request.ts'

export type Request = Frozen<CertificateSigningRequest>

export const signers = {
  client: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
  legacy: 'kubernetes.io/legacy-unknown',
}

export const hasCondition = ({ status }: Request, type: string): boolean =>
  status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false

type Asked = Pick<
  CertificateRequest,
  'commonName' | 'organizations' | 'dnsNames' | 'emailAddresses' | 'ipAddresses' | 'uris'
>
type Check = (asked: Asked, usages: readonly string[]) => string | undefined

function usageProblem(usages: readonly string[], ...required: readonly string[]): string | undefined {
  const given = new Set(usages)
  const is = (wanted: readonly string[]) => wanted.length === given.size && wanted.every((usage) => given.has(usage))
  // Keys that cannot encipher need not say that they do.
  if (is(required) || is(required.filter((usage) => usage !== 'key encipherment'))) return undefined
  return `usages did not match [${[...required].sort().join(' ')}]`
}

const isNodes = ({ organizations }: Asked): boolean => organizations.length === 1 && organizations[0] === 'system:nodes'
const notNodes = 'subject organization is not system:nodes'
const notNode = 'subject common name does not begin with system:node:'

/** Why a request is none of a kubelet's client. Source: pkg/apis/certificates/helpers.go. */
export const kubeletClientProblem: Check = (asked, usages) => {
  if (!isNodes(asked)) return notNodes
  if (asked.dnsNames.length) return 'DNS subjectAltNames are not allowed'
  if (asked.emailAddresses.length) return 'Email subjectAltNames are not allowed'
  if (asked.ipAddresses.length) return 'IP subjectAltNames are not allowed'
  if (asked.uris.length) return 'URI subjectAltNames are not allowed'
  if (!asked.commonName.startsWith('system:node:')) return notNode
  return usageProblem(usages, 'digital signature', 'key encipherment', 'client auth')
}

const kubeletServingProblem: Check = (asked, usages) => {
  if (!isNodes(asked)) return notNodes
  if (!asked.dnsNames.length && !asked.ipAddresses.length) return 'DNS or IP subjectAltName is required'
  if (asked.emailAddresses.length) return 'Email subjectAltNames are not allowed'
  if (asked.uris.length) return 'URI subjectAltNames are not allowed'
  const problem = usageProblem(usages, 'digital signature', 'key encipherment', 'server auth')
  return problem ?? (asked.commonName.startsWith('system:node:') ? undefined : notNode)
}

const clientProblem: Check = (_, usages) => {
  const wrong = usages.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage))
  if (wrong) return `invalid usage for client certificate: ${wrong}`
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth'
}

/** What each of the cluster's signers refuses to sign. */
export const problemsBySigner: Readonly<Record<string, Check>> = {
  [signers.client]: clientProblem,
  [signers.kubeletClient]: kubeletClientProblem,
  [signers.kubeletServing]: kubeletServingProblem,
  [signers.legacy]: () => undefined,
}
