import { amountsOf, podAmounts } from '#shared/kube/quota/amounts.ts'
import {
  addQuantities,
  compareQuantities,
  milliValueOf,
  subtractQuantities,
  valueOf,
  zero,
  type Quantity,
} from '#shared/kube/quantity.ts'
import { isExtendedResource } from '#shared/kube/resource-names.ts'
import { containersOf, isTerminalPhase, type Node, type Pod } from '../types.ts'
import { appArmorRefusal, isAppArmorEnabled } from './app-armor.ts'
import { selectsNode } from './node-selection.ts'
import { forbiddenSysctl } from './sysctls.ts'

/** Why the node will not run a pod: the pod fails for good. */
export interface Rejection {
  reason: string
  message: string
}

/**
 * The node's own check of what the scheduler decided, in upstream's words; `others` are the pods that it runs already.
 * Source: pkg/kubelet/lifecycle/predicate.go.
 */
export function admit(
  pod: Pod,
  others: readonly Pod[],
  node: Node,
  hasAppArmor = isAppArmorEnabled,
): Rejection | undefined {
  const sysctl = forbiddenSysctl(pod)
  if (sysctl) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${sysctl}` }
  const appArmor = appArmorRefusal(pod, hasAppArmor)
  if (appArmor) return { reason: 'AppArmor', message: appArmor }
  const system = node.status?.nodeInfo?.operatingSystem
  const policy = (pod.spec?.securityContext as { supplementalGroupsPolicy?: string } | undefined)
    ?.supplementalGroupsPolicy
  const { features } = (node.status ?? {}) as { features?: { supplementalGroupsPolicy?: boolean } }
  if (policy === 'Strict' && !features?.supplementalGroupsPolicy) {
    const message = `SupplementalGroupsPolicy=${policy} is not supported in this node`
    return { reason: 'SupplementalGroupsPolicyNotSupported', message }
  }
  if (pod.spec?.os && system && pod.spec.os.name !== system) {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" }
  }
  const running = others.filter((other) => !isTerminalPhase(other.status?.phase))
  return (
    outOfResources(pod, running, node) ??
    (selectsNode(pod, node)
      ? undefined
      : predicate('NodeAffinity', "node(s) didn't match Pod's node affinity/selector")) ??
    (portsAreFree(pod, running)
      ? undefined
      : predicate('NodePorts', "node(s) didn't have free ports for the requested pod ports")) ??
    (toleratesNode(pod, node)
      ? undefined
      : predicate('TaintToleration', 'node(s) had taints that the pod did not tolerate'))
  )
}

const predicate = (name: string, why: string): Rejection => ({
  reason: name,
  message: `Predicate ${name} failed: ${why}`,
})

function outOfResources(pod: Pod, running: readonly Pod[], node: Node): Rejection | undefined {
  const allocatable = amountsOf(node.status?.allocatable)
  const pods = allocatable.get('pods')
  if (pods && running.length + 1 > valueOf(pods)) {
    return insufficient('pods', 1, running.length, valueOf(pods))
  }
  const used = new Map<string, Quantity>()
  for (const other of running) {
    for (const [name, amount] of podAmounts(other.spec, 'requests'))
      used.set(name, addQuantities(used.get(name) ?? zero, amount))
  }
  for (const [name, amount] of podAmounts(pod.spec, 'requests')) {
    if (amount.unscaled <= 0) continue
    // One that the node knows nothing of is the cluster's, and counted elsewhere.
    if (isExtendedResource(name) && !allocatable.has(name)) continue
    const [has, taken] = [allocatable.get(name) ?? zero, used.get(name) ?? zero]
    if (compareQuantities(amount, subtractQuantities(has, taken)) <= 0) continue
    const number = name === 'cpu' ? milliValueOf : valueOf
    return insufficient(name, number(amount), number(taken), number(has))
  }
  return undefined
}

function insufficient(name: string, requested: number, used: number, capacity: number): Rejection {
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`
  return { reason: `OutOf${name}`, message: `Node didn't have enough resource: ${name}, ${amounts}` }
}

function portsAreFree(pod: Pod, running: readonly Pod[]): boolean {
  const taken = running.flatMap(hostPorts)
  const anywhere = (ip: string) => !ip || ip === '0.0.0.0' || ip === '::'
  return hostPorts(pod).every((port) =>
    taken.every(
      (other) =>
        other.port !== port.port ||
        other.protocol !== port.protocol ||
        (other.ip !== port.ip && !anywhere(other.ip) && !anywhere(port.ip)),
    ),
  )
}

const hostPorts = (pod: Pod) =>
  containersOf(pod).flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort }) => hostPort)
      .map(({ hostPort, protocol = 'TCP', hostIP = '' }) => ({ port: hostPort, protocol, ip: hostIP })),
  )

/** Only taints that evict matter on the node: NoSchedule is the scheduler's business. */
function toleratesNode(pod: Pod, node: Node): boolean {
  const evicting = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute')
  return evicting.every((taint) =>
    (pod.spec?.tolerations ?? []).some(
      ({ key, operator = 'Equal', value = '', effect }) =>
        (!effect || effect === taint.effect) &&
        (!key ? operator === 'Exists' : key === taint.key) &&
        (operator === 'Exists' || value === (taint.value ?? '')),
    ),
  )
}
