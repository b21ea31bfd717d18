import type { HostConfig } from 'dockerode'
import type { Resources } from '../api.ts'
import { cpuPeriod, cpuQuota, cpuShares } from '../cpu.ts'

type Limits = Pick<HostConfig, 'CpuPeriod' | 'CpuQuota' | 'CpuShares' | 'Memory' | 'MemorySwap'>

/** As engines count them. What is swapped out counts as memory. */
export const limitsOf = ({ cpuLimitMilli, cpuRequestMilli, memoryLimitBytes }: Resources): Limits => ({
  CpuShares: cpuShares(cpuRequestMilli),
  ...(cpuLimitMilli ? { CpuPeriod: cpuPeriod, CpuQuota: cpuQuota(cpuLimitMilli) } : {}),
  ...(memoryLimitBytes ? { Memory: memoryLimitBytes, MemorySwap: memoryLimitBytes } : {}),
})

/** For a container that runs: what is no longer limited has to be said. */
export const changedLimits = (resources: Resources): Limits => ({
  CpuPeriod: cpuPeriod,
  CpuQuota: -1,
  Memory: -1,
  MemorySwap: -1,
  ...limitsOf(resources),
})
