import type { ContainerConfig as Wanted, ImageStatus, Mount, SandboxConfig } from '../api.ts'
import {
  groupsPolicy,
  namespaceMode,
  seccompProfile,
  type ContainerConfig,
  type ContainerSecurity,
  type Mount as MountRequest,
} from './messages.ts'
import { maskedPaths, readonlyPaths } from '../masked-paths.ts'
import { linuxResources } from './resources.ts'
import { nodeLabel, podNamespaces } from './sandbox-request.ts'

/** Holds the Resources that the container was made with as JSON: the runtime knows them in the kernel's units only. */
export const resourcesAnnotation = 'wheelhouse.dev/resources'

export interface ContainerPlace {
  node: string
  sandbox: SandboxConfig
  image: ImageStatus
  /** On the host; becomes /etc/hosts. */
  hostsFile: string
}

/** As the kubelet asks for a container. */
export function containerRequest(config: Wanted, place: ContainerPlace): ContainerConfig {
  const { resources = {} } = config
  const hosts = { hostPath: place.hostsFile, containerPath: '/etc/hosts', readOnly: false }
  const ownHosts = config.mounts.some(({ containerPath }) => containerPath === hosts.containerPath)
  return {
    metadata: { name: config.name, attempt: config.attempt },
    image: { image: place.image.id, user_specified_image: config.image },
    command: config.command ?? [],
    args: config.args ?? [],
    working_dir: config.workingDir ?? '',
    envs: config.env.map(({ name, value }) => ({ key: name, value })),
    mounts: [...config.mounts, ...(ownHosts ? [] : [hosts])].map(mountRequest),
    labels: { ...config.labels, [nodeLabel]: place.node },
    annotations: { [resourcesAnnotation]: JSON.stringify(resources) },
    log_path: config.logPath,
    stdin: config.stdin,
    stdin_once: config.stdinOnce,
    tty: config.tty,
    linux: {
      resources: { ...linuxResources(resources), oom_score_adj: config.oomScoreAdjust ?? 0 },
      security_context: security(config, place),
    },
  }
}

const mountRequest = ({ hostPath, containerPath, readOnly, image }: Mount): MountRequest => ({
  container_path: containerPath,
  host_path: hostPath,
  readonly: readOnly,
  ...(image ? { image: { image: image.id }, image_sub_path: image.subPath ?? '' } : {}),
})

function security(config: Wanted, { sandbox, image }: ContainerPlace): ContainerSecurity {
  const { privileged = false, capabilities, supplementalGroups = [], targetContainerId } = config
  const namespaces = podNamespaces(sandbox)
  return {
    privileged,
    namespace_options: targetContainerId
      ? { ...namespaces, pid: namespaceMode.target, target_id: targetContainerId }
      : namespaces,
    readonly_rootfs: config.readOnlyRootFilesystem ?? false,
    no_new_privs: config.noNewPrivileges ?? false,
    masked_paths: privileged || config.unmaskedProc ? [] : maskedPaths,
    readonly_paths: privileged || config.unmaskedProc ? [] : readonlyPaths,
    supplemental_groups: supplementalGroups,
    supplemental_groups_policy: groupsPolicy[config.supplementalGroupsPolicy ?? 'Merge'],
    seccomp: seccomp(privileged ? undefined : config.seccomp),
    ...(capabilities
      ? { capabilities: { add_capabilities: capabilities.add, drop_capabilities: capabilities.drop } }
      : {}),
    ...user(config, image),
    ...(config.runAsGroup === undefined ? {} : { run_as_group: { value: config.runAsGroup } }),
  }
}

function seccomp(profile: Wanted['seccomp']): ContainerSecurity['seccomp'] {
  if (!profile) return { profile_type: seccompProfile.unconfined }
  if (profile === 'RuntimeDefault') return { profile_type: seccompProfile.runtimeDefault }
  return { profile_type: seccompProfile.localhost, localhost_ref: profile.file }
}

/** A group may not be given without a user, so the image's is said too. */
function user({ runAsUser }: Wanted, image: ImageStatus): Pick<ContainerSecurity, 'run_as_user' | 'run_as_username'> {
  const id = runAsUser ?? image.user
  if (id !== undefined) return { run_as_user: { value: id } }
  return image.username ? { run_as_username: image.username } : {}
}
