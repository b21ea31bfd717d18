import type { KubeObject } from '#shared/kube/object.ts'
import { certificateSigningRequests, type ResourceType } from '#shared/kube/resources.ts'
import { CertificateRequestError, parseCertificateRequest } from '../../base/certificate-request.ts'
import type { KubeClient } from '../../client/api.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { update } from '../framework/action.ts'
import { watch, type Controller } from '../framework/controller.ts'
import { hasCondition, kubeletClientProblem, signers, type Request } from './request.ts'

interface Review extends KubeObject {
  spec: object
  status?: { allowed?: boolean }
}

const reviews: ResourceType<Review> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
}

/** Approves client certificates of kubelets for who may have them. Source: pkg/controller/certificates/approver. */
export function certificateApprover({
  informers,
  client,
}: {
  informers: InformerFactory
  client: KubeClient
}): Controller {
  const requests = informers.for(certificateSigningRequests)
  return {
    name: 'csrapproving',
    account: 'certificate-controller',
    workers: 1,
    writesTo: [requests],
    watches: [watch(requests, ({ metadata }) => [metadata?.name ?? ''])],
    async sync(name, { decide }) {
      const request = requests.lister.get(name)
      if (!request || request.status?.certificate) return
      if (hasCondition(request, 'Approved') || hasCondition(request, 'Denied')) return
      for (const { subresource, message } of grounds(request)) {
        if (!(await mayHave(client, request, subresource))) continue
        const condition = { type: 'Approved', status: 'True', reason: 'AutoApproved', message }
        const conditions = [...(request.status?.conditions ?? []), condition]
        const approved = { ...request, status: { ...request.status, conditions } }
        return decide({ steps: [update(certificateSigningRequests, approved, { subresource: 'approval' })] })
      }
    },
  }
}

/** The rights that would do, in the order in which they are tried. */
function grounds({ spec }: Request): { subresource: string; message: string }[] {
  if (spec.signerName !== signers.kubeletClient) return []
  try {
    const asked = parseCertificateRequest(spec.request)
    if (kubeletClientProblem(asked, spec.usages ?? [])) return []
    const self = {
      subresource: 'selfnodeclient',
      message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
    }
    const other = {
      subresource: 'nodeclient',
      message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
    }
    return asked.commonName === spec.username ? [self, other] : [other]
  } catch (error) {
    if (error instanceof CertificateRequestError) return []
    throw error
  }
}

async function mayHave(client: KubeClient, { spec }: Request, subresource: string): Promise<boolean> {
  const { username: user, uid, groups, extra } = spec
  const resource = 'certificatesigningrequests'
  const resourceAttributes = { group: 'certificates.k8s.io', resource, verb: 'create', subresource }
  const { status } = await client.create(reviews, {
    spec: { user, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}), resourceAttributes },
  } as Review)
  return status?.allowed ?? false
}
