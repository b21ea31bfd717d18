import { deviceId, type AllocatedDevice } from '#shared/kube/devices.ts'
import type { Claim } from './claims.ts'

/** Drivers may take so long to make a device ready for its node; milliseconds. */
const bindingWithin = 600_000

const resultsOf = ({ status }: Claim) => status?.allocation?.devices?.results ?? []

export const hasBindingConditions = (claim: Claim): boolean =>
  resultsOf(claim).some(({ bindingConditions }) => bindingConditions?.length)

/** Whether all devices are ready for a pod; a text: one of them never will be. Source: isClaimReadyForBinding. */
export function readiness(claim: Claim): boolean | string {
  for (const result of resultsOf(claim)) {
    const { bindingConditions = [], bindingFailureConditions = [] } = result
    if (!bindingConditions.length) continue
    const id = deviceId(result as AllocatedDevice)
    const device = claim.status?.devices?.find((each) => deviceId(each as AllocatedDevice) === id)
    if (!device) return false
    const isTrue = (wanted: string) =>
      device.conditions?.find(({ type, status }) => type === wanted && status === 'True')
    const failed = bindingFailureConditions.map(isTrue).find((condition) => condition)
    if (failed)
      return `claim ${claim.metadata?.name} binding failed: reason=${failed.reason}, message=${JSON.stringify(failed.message ?? '')}`
    if (!bindingConditions.every(isTrue)) return false
  }
  return true
}

/** Whether its devices have had their time to become ready, by `now`. */
export function isOverdue(claim: Claim, now: number): boolean {
  const since = claim.status?.allocation?.allocationTimestamp
  return since !== undefined && hasBindingConditions(claim) && Date.parse(since) + bindingWithin < now
}
