import { amountOf } from '../resources.ts'
import type { Plugin } from './api.ts'

const resources = ['cpu', 'memory'] as const

/** The closer the shares of CPU and memory would be to each other, the better. Counts true requests, as upstream. */
export const balancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  score({ requests }) {
    if (resources.every((name) => !amountOf(requests, name))) return undefined
    return {
      score({ allocatable, requested }) {
        if (!allocatable.cpu || !allocatable.memory) return 100
        const cpu = Math.min(1, (requested.cpu + requests.cpu) / allocatable.cpu)
        const memory = Math.min(1, (requested.memory + requests.memory) / allocatable.memory)
        return Math.floor((1 - Math.abs(cpu - memory) / 2) * 100)
      },
    }
  },
}
