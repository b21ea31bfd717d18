import { X509Certificate } from 'node:crypto'
import { certificateSigningRequests } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { nothing, remove, type Decision } from '../framework/action.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import type { Request } from './request.ts'

const hour = 3600_000
const decidedLife = hour
const pendingLife = 24 * hour

/** Removes requests that nobody needs any more. Source: pkg/controller/certificates/cleaner. */
export function certificateCleaner({ informers }: { informers: InformerFactory }): Controller {
  const requests = informers.for(certificateSigningRequests)
  return decider({
    name: 'csrcleaner',
    account: 'certificate-controller',
    workers: 1,
    watches: [watch(requests, ({ metadata }) => [metadata?.name ?? ''])],
    observe: (name) => requests.lister.get(name),
    reconcile: reconcileCleaning,
  })
}

export function reconcileCleaning(request: Request, now: number): Decision {
  const ends = endOf(request)
  if (ends === undefined) return nothing
  if (ends > now) return { steps: [], requeueAfter: ends - now }
  return { steps: [remove(certificateSigningRequests, request, { tolerate: ({ code }) => code === 404 })] }
}

/** When the request goes: an hour after its certificate, its refusal or its failure, a day after it was left alone. */
function endOf({ metadata, status }: Request): number | undefined {
  const conditions = status?.conditions ?? []
  if (!conditions.length) return Date.parse(metadata?.creationTimestamp ?? '') + pendingLife
  const ends = conditions.flatMap(({ type, lastUpdateTime }) =>
    type === 'Denied' || type === 'Failed' || (type === 'Approved' && status?.certificate)
      ? [Date.parse(lastUpdateTime ?? '') + decidedLife]
      : [],
  )
  if (status?.certificate) ends.push(expiryOf(status.certificate))
  const known = ends.filter((end) => !Number.isNaN(end))
  return known.length ? Math.min(...known) : undefined
}

function expiryOf(certificate: string): number {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo)
  } catch {
    return NaN
  }
}
