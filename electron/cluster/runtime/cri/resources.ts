import type { Resources } from '../api.ts'
import { cpuPeriod, cpuQuota, cpuShares } from '../cpu.ts'
import type { LinuxResources } from './messages.ts'

/** As the kernel counts them. */
export function linuxResources({ cpuLimitMilli, cpuRequestMilli, memoryLimitBytes }: Resources): LinuxResources {
  return {
    cpu_shares: cpuShares(cpuRequestMilli),
    ...(cpuLimitMilli ? { cpu_period: cpuPeriod, cpu_quota: cpuQuota(cpuLimitMilli) } : {}),
    ...(memoryLimitBytes ? { memory_limit_in_bytes: memoryLimitBytes } : {}),
  }
}

/** For a container that runs: what is no longer limited has to be said. */
export const changedResources = (resources: Resources): LinuxResources => ({
  cpu_period: cpuPeriod,
  cpu_quota: -1,
  memory_limit_in_bytes: -1,
  ...linuxResources(resources),
})
