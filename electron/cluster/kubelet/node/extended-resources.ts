import type { NodeStatus } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { isExtendedResource } from '#shared/kube/resource-names.ts'

type Status = Frozen<NodeStatus> | undefined

/**
 * What pods may have of the resources that others put into the node's capacity: all of it, and nothing of what was taken
 * out again (null, as a patch says that). Source: MachineInfo, pkg/kubelet/nodestatus/setters.go.
 */
export function extendedAllocatable(status: Status): Record<string, string> {
  const { capacity = {}, allocatable = {} } = status ?? {}
  const withdrawn = Object.keys(allocatable).filter((name) => isExtendedResource(name) && !(name in capacity))
  const given = Object.entries(capacity).filter(([name]) => isExtendedResource(name))
  return Object.fromEntries([...withdrawn.map((name) => [name, null]), ...given]) as Record<string, string>
}

/** Whether `status` says so already. */
export const grantsExtended = (status: Status): boolean =>
  Object.entries(extendedAllocatable(status)).every(([name, amount]) => status?.allocatable?.[name] === amount)

/** Without the resources that others put in. */
export const ownCapacity = (status: Status): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(status?.capacity ?? {}).filter(([name]) => !isExtendedResource(name)))
