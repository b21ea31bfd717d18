import type { SandboxConfig } from '../api.ts'
import { namespaceMode, seccompProfile, type NamespaceOption, type PodSandboxConfig } from './messages.ts'
import { linuxResources } from './resources.ts'

/** Tells the pods of one of our nodes from all else in the runtime. */
export const nodeLabel = 'wheelhouse.dev/node'
/** Holds the SandboxConfig as JSON: the runtime asks for it again with every container. */
export const configAnnotation = 'wheelhouse.dev/sandbox'

export interface SandboxPlace {
  node: string
  /** Control group that the pod's own is made in; empty: as the runtime chooses. */
  cgroupParent: string
}

/** As the kubelet asks for a pod. */
export function sandboxRequest(config: SandboxConfig, { node, cgroupParent }: SandboxPlace): PodSandboxConfig {
  const { name, namespace, uid, attempt, hostNetwork, dns, privileged = false } = config
  return {
    metadata: { name, namespace, uid, attempt },
    hostname: hostNetwork ? '' : config.hostname,
    log_directory: config.logDirectory,
    dns_config: dns,
    labels: { ...config.labels, [nodeLabel]: node },
    annotations: { [configAnnotation]: JSON.stringify(config) },
    linux: {
      cgroup_parent: cgroupParent,
      security_context: {
        namespace_options: podNamespaces(config),
        privileged,
        seccomp: { profile_type: seccompProfile.runtimeDefault },
      },
      sysctls: config.sysctls ?? {},
      resources: linuxResources(config.resources ?? {}),
    },
  }
}

/** Which namespaces the containers of a pod share with each other, and which with the machine. */
export const podNamespaces = ({ hostNetwork, hostPid, hostIpc, sharePid }: SandboxConfig): NamespaceOption => ({
  network: hostNetwork ? namespaceMode.node : namespaceMode.pod,
  pid: hostPid ? namespaceMode.node : sharePid ? namespaceMode.pod : namespaceMode.container,
  ipc: hostIpc ? namespaceMode.node : namespaceMode.pod,
})
