/** CPU as the kernel counts it, in microseconds of each period and in shares. Source: kubelet's MilliCPUToQuota and MilliCPUToShares. */
export const cpuPeriod = 100_000

const leastQuota = 1000
const leastShares = 2
const mostShares = 262_144

export const cpuQuota = (limitMilli: number): number =>
  Math.max(leastQuota, Math.floor((limitMilli * cpuPeriod) / 1000))

export const cpuShares = (requestMilli = 0): number =>
  Math.min(mostShares, Math.max(leastShares, Math.floor((requestMilli * 1024) / 1000)))
