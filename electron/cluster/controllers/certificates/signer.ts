import { certificateSigningRequests } from '#shared/kube/resources.ts'
import { timestamp } from '../../base/clock.ts'
import { CertificateRequestError, parseCertificateRequest } from '../../base/certificate-request.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { nothing, updateStatus, type Decision } from '../framework/action.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { hasCondition, problemsBySigner, type Request } from './request.ts'

/**
 * Signs for the cluster's authority; PEM. `request` as in the spec of a CertificateSigningRequest, `seconds`: the life
 * that is asked for. Throws CertificateRequestError.
 */
export type SignRequest = (request: string, usages: readonly string[], seconds?: number) => string

/** Signs what was approved for the signers of the cluster itself. Source: pkg/controller/certificates/signer. */
export function certificateSigner({ informers, sign }: { informers: InformerFactory; sign: SignRequest }): Controller {
  const requests = informers.for(certificateSigningRequests)
  return decider({
    name: 'csrsigning',
    account: 'certificate-controller',
    workers: 1,
    writesTo: [requests],
    watches: [watch(requests, ({ metadata }) => [metadata?.name ?? ''])],
    observe: (name) => requests.lister.get(name),
    reconcile: (request, now) => reconcileSigning(request, now, sign),
  })
}

export function reconcileSigning(request: Request, now: number, sign: SignRequest): Decision {
  const { spec, status } = request
  if (status?.certificate || !hasCondition(request, 'Approved')) return nothing
  if (hasCondition(request, 'Denied') || hasCondition(request, 'Failed')) return nothing
  const problemOf = problemsBySigner[spec.signerName]
  if (!problemOf) return nothing
  const usages = spec.usages ?? []
  try {
    const problem = problemOf(parseCertificateRequest(spec.request), usages)
    if (problem) return failed(request, now, problem)
    const pem = sign(spec.request, usages, (spec as { expirationSeconds?: number }).expirationSeconds)
    const certificate = Buffer.from(pem).toString('base64')
    return { steps: [updateStatus(certificateSigningRequests, { ...request, status: { ...status, certificate } })] }
  } catch (error) {
    if (!(error instanceof CertificateRequestError)) throw error
    return failed(request, now, error.message)
  }
}

function failed(request: Request, now: number, message: string): Decision {
  const condition = {
    type: 'Failed',
    status: 'True',
    reason: 'SignerValidationFailure',
    message,
    lastUpdateTime: timestamp(now),
  }
  const conditions = [...(request.status?.conditions ?? []), condition]
  return {
    steps: [updateStatus(certificateSigningRequests, { ...request, status: { ...request.status, conditions } })],
  }
}
