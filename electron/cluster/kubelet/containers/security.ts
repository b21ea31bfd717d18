import type { ContainerConfig, ImageStatus } from '../../runtime/api.ts'
import { ConfigError } from '../environment/environment.ts'
import { describePod, type Container, type Pod } from '../types.ts'

type SecurityConfig = Pick<ContainerConfig, 'runAsUser' | 'runAsGroup' | 'readOnlyRootFilesystem' | 'privileged'>

/** A container's own security context wins over its pod's. Throws ConfigError when it would run as root but must not. */
export function securityOf(pod: Pod, container: Container, image: ImageStatus): SecurityConfig {
  const shared = pod.spec?.securityContext
  const own = container.securityContext
  const runAsUser = own?.runAsUser ?? shared?.runAsUser
  const runAsGroup = own?.runAsGroup ?? shared?.runAsGroup
  if (own?.runAsNonRoot ?? shared?.runAsNonRoot) {
    const where = `(pod: ${JSON.stringify(describePod(pod))}, container: ${container.name})`
    if (runAsUser === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`)
    if (runAsUser === undefined && !image.user) {
      throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`)
    }
  }
  return {
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    ...(own?.readOnlyRootFilesystem ? { readOnlyRootFilesystem: true } : {}),
    ...(own?.privileged ? { privileged: true } : {}),
  }
}
