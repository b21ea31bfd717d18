import type { Frozen } from '#shared/kube/object.ts'
import { serviceCidrs, type ServiceCidr } from '#shared/kube/resources.ts'
import { timestamp } from '../../base/clock.ts'
import { nothing, objectKey, patch, update, type Decision } from '../framework/action.ts'
import { findCondition } from '../framework/support/conditions.ts'
import { allocator, managedBy, rangesOf } from './addresses.ts'
import type { RecordView } from './service.ts'

export type CidrView = Frozen<ServiceCidr>

export interface Observed {
  readonly cidr: CidrView
  /** All that there are, this one too. */
  readonly cidrs: readonly CidrView[]
  readonly records: readonly RecordView[]
}

const finalizer = 'networking.k8s.io/service-cidr-finalizer'

/** So long a range stays that is to go, in milliseconds: whoever gives out addresses has heard of it by then. */
const grace = 10_000

/** Keeps a range while it has addresses that no other has. Source: sync, pkg/controller/servicecidrs. */
export function reconcileCidr({ cidr, cidrs, records }: Observed, now: number): Decision {
  const { finalizers = [], deletionTimestamp } = cidr.metadata ?? {}
  const isProtected = finalizers.includes(finalizer)
  const withFinalizers = (next: readonly string[]) =>
    update(serviceCidrs, { ...cidr, metadata: { ...cidr.metadata, finalizers: [...next] } })
  if (!deletionTimestamp) {
    if (!isProtected) return { steps: [withFinalizers([...finalizers, finalizer])] }
    return ready(cidr, { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' }, now)
  }
  if (!hasParent(cidr, cidrs) && records.some((record) => isOnlyIn(cidr, cidrs, record))) {
    const message =
      'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR'
    return ready(cidr, { status: 'False', reason: 'Terminating', message }, now)
  }
  const left = Date.parse(deletionTimestamp) + grace - now
  if (left > 0) return { steps: [], requeueAfter: left }
  return isProtected ? { steps: [withFinalizers(finalizers.filter((each) => each !== finalizer))] } : nothing
}

function ready(
  cidr: CidrView,
  condition: { readonly status: string; readonly reason: string; readonly message: string },
  now: number,
): Decision {
  const current = findCondition(cidr.status?.conditions, 'Ready')
  const same = current?.status === condition.status && current.message === condition.message
  if (same) return nothing
  const since = current?.status === condition.status ? current.lastTransitionTime : timestamp(now)
  const conditions = [{ type: 'Ready', ...condition, lastTransitionTime: since }]
  return {
    steps: [patch(serviceCidrs, objectKey(cidr), 'strategic', { status: { conditions } }, { subresource: 'status' })],
  }
}

/** All its addresses are another's as well. */
const hasParent = (cidr: CidrView, cidrs: readonly CidrView[]): boolean =>
  (cidr.spec?.cidrs ?? []).every((range) => cidrs.some((other) => !isSame(other, cidr) && covers(other, range)))

/** Whether a range lies within one of the others' ranges. */
const covers = (other: CidrView, range: string): boolean => {
  const [address = '', bits] = range.split('/')
  return (other.spec?.cidrs ?? []).some(
    (each) => Number(each.split('/')[1]) <= Number(bits) && rangesOf([{ spec: { cidrs: [each] } }])(address),
  )
}

function isOnlyIn(cidr: CidrView, cidrs: readonly CidrView[], { metadata }: RecordView): boolean {
  if (metadata?.labels?.[managedBy] !== allocator) return false
  const holding = cidrs.filter((each) => rangesOf([each])(metadata.name ?? ''))
  return holding.length === 1 && isSame(holding[0]!, cidr)
}

const isSame = (a: CidrView, b: CidrView): boolean => a.metadata?.name === b.metadata?.name
