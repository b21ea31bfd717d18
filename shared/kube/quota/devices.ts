import type { KubeObject } from '../object.ts'
import { quantityOf, type Quantity } from '../quantity.ts'
import type { Amounts } from './amounts.ts'

interface Request {
  readonly deviceClassName?: string
  readonly allocationMode?: string
  readonly count?: number
}

type ResourceClaim = KubeObject & {
  readonly spec?: {
    readonly devices?: {
      readonly requests?: readonly { readonly exactly?: Request; readonly firstAvailable?: readonly Request[] }[]
    }
  }
}

/** As many devices as one claim can be given: what asks for all may get so many. */
const mostDevices = 32

/** Devices by class; of alternatives the largest of each class. Source: pkg/quota/v1/evaluator/core/resource_claims.go. */
export function deviceUsage(object: KubeObject): Amounts {
  const devices = new Map<string, number>()
  for (const { exactly, firstAvailable } of (object as ResourceClaim).spec?.devices?.requests ?? []) {
    const most = new Map<string, number>()
    for (const request of firstAvailable ?? (exactly ? [exactly] : [])) {
      const { deviceClassName = '' } = request
      most.set(deviceClassName, Math.max(most.get(deviceClassName) ?? 0, countOf(request)))
    }
    for (const [name, count] of most) devices.set(name, (devices.get(name) ?? 0) + count)
  }
  return new Map<string, Quantity>([
    ['count/resourceclaims.resource.k8s.io', quantityOf(1)],
    ...[...devices].map(([name, count]) => [`${name}.deviceclass.resource.k8s.io/devices`, quantityOf(count)] as const),
  ])
}

const countOf = ({ allocationMode = 'ExactCount', count = 1 }: Request): number =>
  allocationMode === 'All' ? mostDevices : allocationMode === 'ExactCount' ? count : 0
