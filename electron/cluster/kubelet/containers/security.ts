import path from 'node:path'
import type { ContainerConfig, ImageStatus } from '../../runtime/api.ts'
import { ConfigError } from '../environment/environment.ts'
import { describePod, type Container, type Pod } from '../types.ts'

type SecurityConfig = Pick<
  ContainerConfig,
  | 'runAsUser'
  | 'runAsGroup'
  | 'supplementalGroups'
  | 'supplementalGroupsPolicy'
  | 'capabilities'
  | 'noNewPrivileges'
  | 'readOnlyRootFilesystem'
  | 'privileged'
  | 'unmaskedProc'
  | 'seccomp'
>

/** A container's own security context wins over its pod's. `seccompDirectory`: of the node's profiles. Throws ConfigError when it would run as root but must not. */
export function securityOf(
  pod: Pod,
  container: Container,
  image: ImageStatus,
  seccompDirectory: string,
): SecurityConfig {
  const shared = pod.spec?.securityContext
  const own = container.securityContext
  const runAsUser = own?.runAsUser ?? shared?.runAsUser
  const runAsGroup = own?.runAsGroup ?? shared?.runAsGroup
  if (own?.runAsNonRoot ?? shared?.runAsNonRoot) verifyNonRoot(pod, container, runAsUser, image)
  const groups = [...(shared?.supplementalGroups ?? []), ...(shared?.fsGroup === undefined ? [] : [shared.fsGroup])]
  const { supplementalGroupsPolicy: policy } = (shared ?? {}) as { supplementalGroupsPolicy?: string }
  const { add = [], drop = [] } = own?.capabilities ?? {}
  const { type: seccomp, localhostProfile = '' } = own?.seccompProfile ?? shared?.seccompProfile ?? {}
  return {
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    ...(groups.length ? { supplementalGroups: groups } : {}),
    ...(policy === 'Strict' ? { supplementalGroupsPolicy: policy } : {}),
    ...(add.length || drop.length ? { capabilities: { add: add.map(plain), drop: drop.map(plain) } } : {}),
    ...(own?.allowPrivilegeEscalation === false ? { noNewPrivileges: true } : {}),
    ...(own?.readOnlyRootFilesystem ? { readOnlyRootFilesystem: true } : {}),
    ...(own?.privileged ? { privileged: true } : {}),
    ...(own?.procMount === 'Unmasked' ? { unmaskedProc: true } : {}),
    ...(seccomp === 'RuntimeDefault' ? { seccomp } : {}),
    ...(seccomp === 'Localhost' ? { seccomp: { file: path.join(seccompDirectory, localhostProfile) } } : {}),
  }
}

/** Both spellings are in use; runtimes take the short one. */
const plain = (capability: string): string => capability.toUpperCase().replace(/^CAP_/, '')

/** Source: kuberuntime's verifyRunAsNonRoot, whose texts these are. */
function verifyNonRoot(pod: Pod, container: Container, runAsUser: number | undefined, image: ImageStatus): void {
  const where = `(pod: ${JSON.stringify(describePod(pod))}, container: ${container.name})`
  if (runAsUser === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`)
  if (runAsUser !== undefined) return
  if (image.username) {
    throw new ConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    )
  }
  if (!image.user) throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`)
}
