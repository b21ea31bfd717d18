import { podAmounts } from '#shared/kube/quota/amounts.ts'
import { compareQuantities, formatQuantity, parseQuantity, quantityOf, valueOf } from '#shared/kube/quantity.ts'
import { containersOf, type Pod } from '../types.ts'
import type { PodDiskUsage } from './disk-usage.ts'

const ephemeralStorage = 'ephemeral-storage'
const isLimit = (text: string | undefined): text is string => Boolean(text) && valueOf(parseQuantity(text!)) > 0

/** Whether a pod has limits that are worth a look at the disk. */
export const hasDiskLimits = (pod: Pod): boolean =>
  (pod.spec?.volumes ?? []).some(({ emptyDir }) => isLimit(emptyDir?.sizeLimit)) ||
  isLimit(podLimit(pod)) ||
  containersOf(pod).some(({ resources }) => isLimit(resources?.limits?.[ephemeralStorage]))

/** One container with a limit is enough for the pod to have one, as upstream counts. */
function podLimit(pod: Pod): string | undefined {
  const limit = podAmounts(pod.spec, 'limits').get(ephemeralStorage)
  return limit && formatQuantity(limit)
}

/** Why a pod must go, in upstream's words. Source: eviction manager's localStorageEviction. */
export function diskLimitExceeded(pod: Pod, usage: PodDiskUsage): string | undefined {
  const exceeds = (bytes: number, limit: string) =>
    compareQuantities(quantityOf(bytes, 'BinarySI'), parseQuantity(limit)) > 0
  const bytesOf = (sizes: PodDiskUsage['logs'], name: string) => sizes.get(name)?.bytes ?? 0
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const limit = emptyDir?.sizeLimit
    if (isLimit(limit) && exceeds(bytesOf(usage.volumes, name), limit))
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `
  }
  const limit = podLimit(pod)
  if (isLimit(limit)) {
    const onDisk = (pod.spec?.volumes ?? []).filter(({ emptyDir }) => emptyDir?.medium !== 'Memory')
    const sum = [
      ...onDisk.map(({ name }) => bytesOf(usage.volumes, name)),
      ...[...usage.roots.values(), ...usage.logs.values()].map(({ bytes }) => bytes),
    ].reduce((all, bytes) => all + bytes, 0)
    if (exceeds(sum, limit)) return `Pod ephemeral local storage usage exceeds the total limit of containers ${limit}. `
  }
  for (const { name, resources } of containersOf(pod)) {
    const own = resources?.limits?.[ephemeralStorage]
    if (isLimit(own) && exceeds(bytesOf(usage.roots, name) + bytesOf(usage.logs, name), own))
      return `Container ${name} exceeded its local ephemeral storage limit "${own}". `
  }
  return undefined
}
