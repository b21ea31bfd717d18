import type { Resources } from '../api.ts'
import type { LinuxResources } from './messages.ts'

const period = 100_000
const leastQuota = 1000
const leastShares = 2
const mostShares = 262_144

/** As the kernel counts them. Source: kubelet's MilliCPUToQuota and MilliCPUToShares. */
export function linuxResources({ cpuLimitMilli, cpuRequestMilli = 0, memoryLimitBytes }: Resources): LinuxResources {
  const shares = Math.floor((cpuRequestMilli * 1024) / 1000)
  return {
    cpu_shares: Math.min(mostShares, Math.max(leastShares, shares)),
    ...(cpuLimitMilli
      ? { cpu_period: period, cpu_quota: Math.max(leastQuota, Math.floor((cpuLimitMilli * period) / 1000)) }
      : {}),
    ...(memoryLimitBytes ? { memory_limit_in_bytes: memoryLimitBytes } : {}),
  }
}

/** For a container that runs: what is no longer limited has to be said. */
export const changedResources = (resources: Resources): LinuxResources => ({
  cpu_period: period,
  cpu_quota: -1,
  memory_limit_in_bytes: -1,
  ...linuxResources(resources),
})
